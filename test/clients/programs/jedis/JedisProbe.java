// Jedis, as its users use it.
import java.net.URI;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import redis.clients.jedis.*;
import redis.clients.jedis.exceptions.*;
import redis.clients.jedis.params.*;
import redis.clients.jedis.resps.*;

class JedisProbe {
  interface Check { void run() throws Exception; }

  static void feature(String name, Check check) {
    try {
      check.run();
      System.out.println("ok " + name);
    } catch (Throwable error) {
      System.out.println("fail " + name + " " + error.toString().replace('\n', ' '));
    }
  }

  static void same(Object got, Object want) {
    if (!java.util.Objects.equals(got, want)) throw new AssertionError("got " + got + " instead of " + want);
  }

  static String failure(Check check) throws Exception {
    try {
      check.run();
    } catch (JedisException error) {
      StringBuilder text = new StringBuilder();
      for (Throwable cause = error; cause != null; cause = cause.getCause()) text.append(cause.getMessage()).append(' ');
      return text.toString();
    }
    throw new AssertionError("no error");
  }

  static void contains(String text, String part) {
    if (!text.contains(part)) throw new AssertionError("no " + part + " but " + text);
  }

  public static void main(String[] args) throws Exception {
    String host = System.getenv("KV_HOST");
    int port = Integer.parseInt(System.getenv("KV_PORT"));
    String token = System.getenv("KV_TOKEN");
    String url = "redis://:" + token + "@" + host + ":" + port;
    HostAndPort address = new HostAndPort(host, port);
    System.out.println("version 8.0.2");
    RedisClient r = RedisClient.create(URI.create(url));

    feature("url", () -> same(r.ping(), "PONG"));
    feature("hostport", () -> {
      try (Jedis jedis = new Jedis(host, port)) {
        same(jedis.auth(token), "OK");
        same(jedis.ping(), "PONG");
        contains(jedis.info(), "redis_version");
      }
      try (JedisPool pool = new JedisPool(host, port, "anyone", token); Jedis jedis = pool.getResource()) {
        same(jedis.ping("x"), "x");
      }
    });
    feature("strings", () -> {
      same(r.set("s", "v", SetParams.setParams().nx().ex(100)), "OK");
      same(r.set("s", "w", SetParams.setParams().nx()), null);
      same(r.get("s"), "v");
      same(r.incr("n"), 1L);
      same(r.incrByFloat("f", 1.5), 1.5);
      same(r.mget("s", "none"), Arrays.asList("v", null));
    });
    feature("lists", () -> {
      same(r.rpush("l", "a", "b", "c"), 3L);
      same(r.lrange("l", 0, -1), List.of("a", "b", "c"));
    });
    feature("hashes", () -> {
      same(r.hset("h", Map.of("a", "1", "b", "2")), 2L);
      same(r.hgetAll("h"), Map.of("a", "1", "b", "2"));
    });
    feature("sets", () -> {
      same(r.sadd("t", "a", "b"), 2L);
      same(r.sadd("u", "b", "c"), 2L);
      same(r.sinter("t", "u"), Set.of("b"));
    });
    feature("zsets", () -> {
      same(r.zadd("z", Map.of("a", 1.0, "b", 2.5)), 2L);
      same(r.zrangeWithScores("z", 0, -1), List.of(new Tuple("a", 1.0), new Tuple("b", 2.5)));
      same(r.zpopmin("z"), new Tuple("a", 1.0));
    });
    feature("streams", () -> {
      StreamEntryID id = r.xadd("x", StreamEntryID.NEW_ENTRY, Map.of("k", "v"));
      same(r.xgroupCreate("x", "g", new StreamEntryID(0, 0), false), "OK");
      var found = r.xreadGroup("g", "c", XReadGroupParams.xReadGroupParams().count(1), Map.of("x", StreamEntryID.XREADGROUP_UNDELIVERED_ENTRY));
      same(found.get(0).getValue().get(0).getID(), id);
      same(r.xinfoStream("x").getLength(), 1L);
      same(r.xack("x", "g", id), 1L);
    });
    feature("pipeline", () -> {
      try (var pipe = r.pipelined()) {
        for (int i = 0; i < 499; i++) pipe.incr("pipelined");
        Response<Long> last = pipe.incr("pipelined");
        pipe.sync();
        same(last.get(), 500L);
      }
    });
    feature("transaction", () -> {
      try (var multi = r.multi()) {
        multi.set("m", "1");
        multi.incr("m");
        same(multi.exec(), List.of("OK", 2L));
      }
      try (Jedis jedis = new Jedis(URI.create(url))) {
        jedis.watch("m");
        r.set("m", "9");
        Transaction multi = jedis.multi();
        multi.incr("m");
        same(multi.exec(), null);
      }
    });
    feature("pubsub", () -> {
      CompletableFuture<String> got = new CompletableFuture<>();
      CompletableFuture<Boolean> listening = new CompletableFuture<>();
      JedisPubSub listener = new JedisPubSub() {
        @Override public void onSubscribe(String channel, int count) { listening.complete(true); }
        @Override public void onMessage(String channel, String message) {
          got.complete(channel + " " + message);
          unsubscribe();
        }
      };
      Thread thread = new Thread(() -> { try { r.subscribe(listener, "news"); } catch (JedisException error) { got.completeExceptionally(error); } });
      thread.setDaemon(true);
      thread.start();
      listening.get(10, TimeUnit.SECONDS);
      same(r.publish("news", "hello"), 1L);
      same(got.get(10, TimeUnit.SECONDS), "news hello");
      thread.join(5000);
      same(thread.isAlive(), false);
    });
    feature("blocking", () -> {
      Thread later = new Thread(() -> { try { Thread.sleep(50); } catch (InterruptedException ignored) { } r.rpush("later", "job"); });
      later.start();
      same(r.blpop(10, "later"), List.of("later", "job"));
      same(r.blpop(1, "never"), null);
    });
    feature("script", () -> {
      String script = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
      same(r.eval(script, List.of("c"), List.of("x")), List.of("c", "x", 1L));
      same(r.evalsha(r.scriptLoad(script, "c"), List.of("c"), List.of("x")), List.of("c", "x", 2L));
      contains(failure(() -> r.evalsha("0".repeat(40))), "NOSCRIPT");
    });
    System.out.println("none lock not part of the client");
    feature("resp3", () -> {
      for (RedisProtocol protocol : RedisProtocol.values()) {
        var config = DefaultJedisClientConfig.builder().password(token).protocol(protocol).build();
        try (Jedis jedis = new Jedis(address, config)) {
          same(jedis.hgetAll("h"), Map.of("a", "1", "b", "2"));
          same(jedis.zrangeWithScores("z", 0, -1), List.of(new Tuple("b", 2.5)));
        }
      }
    });
    feature("scan", () -> {
      for (int i = 0; i < 150; i++) r.set("scan:" + i, "" + i);
      Set<String> found = new HashSet<>();
      String cursor = ScanParams.SCAN_POINTER_START;
      do {
        ScanResult<String> page = r.scan(cursor, new ScanParams().match("scan:*").count(10));
        found.addAll(page.getResult());
        cursor = page.getCursor();
      } while (!cursor.equals(ScanParams.SCAN_POINTER_START));
      same(found.size(), 150);
    });
    feature("binary", () -> {
      byte[] blob = new byte[256];
      for (int i = 0; i < 256; i++) blob[i] = (byte) i;
      byte[] key = {98, 0, -1, 13, 10};
      same(r.set(key, blob), "OK");
      same(Arrays.equals(r.get(key), blob), true);
    });
    feature("big", () -> {
      byte[] big = new byte[900 * 1024];
      new Random(1).nextBytes(big);
      same(r.set("big".getBytes(), big), "OK");
      same(Arrays.equals(r.get("big".getBytes()), big), true);
    });
    feature("errors", () -> {
      contains(failure(() -> r.lpush("s", "x")), "WRONGTYPE");
      try (Jedis jedis = new Jedis(URI.create(url))) { contains(failure(() -> jedis.configSet("maxmemory", "1")), "NOPERM"); }
      contains(failure(() -> { try (Jedis jedis = new Jedis(URI.create("redis://:wrong@" + host + ":" + port))) { jedis.get("x"); } }), "WRONGPASS");
      contains(failure(() -> { try (Jedis jedis = new Jedis(host, port)) { jedis.get("x"); } }), "NOAUTH");
    });
    feature("reconnect after an error for each broken connection of the pool", () -> {
      r.set("before", "1");
      System.out.println("restart");
      System.in.read();
      String got = null;
      // The pool still holds connections that broke: each fails once.
      for (int i = 0; got == null && i < 10; i++) try { got = r.get("before"); } catch (JedisConnectionException ignored) { }
      same(got, "1");
    });
    System.exit(0);
  }
}
