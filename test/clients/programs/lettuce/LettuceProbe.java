// Lettuce, as its users use it: one connection for all threads, replies as futures.
import io.lettuce.core.*;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.protocol.ProtocolVersion;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

class LettuceProbe {
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
    } catch (RedisException error) {
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
    RedisURI uri = RedisURI.create("redis://" + token + "@" + host + ":" + port);
    uri.setTimeout(Duration.ofSeconds(15));
    System.out.println("version 7.7.0");
    RedisClient client = RedisClient.create(uri);
    StatefulRedisConnection<String, String> connection = client.connect();
    RedisCommands<String, String> r = connection.sync();

    feature("url", () -> same(r.ping(), "PONG"));
    feature("hostport", () -> {
      var built = RedisURI.builder().withHost(host).withPort(port).withPassword(token.toCharArray()).withClientName("probe").build();
      try (var other = client.connect(built)) {
        same(other.sync().clientGetname(), "probe");
        contains(other.sync().info(), "redis_version");
      }
    });
    feature("strings", () -> {
      same(r.set("s", "v", SetArgs.Builder.nx().ex(100)), "OK");
      same(r.set("s", "w", SetArgs.Builder.nx()), null);
      same(r.get("s"), "v");
      same(r.incr("n"), 1L);
      same(r.incrbyfloat("f", 1.5), 1.5);
      same(r.mget("s", "none"), List.of(KeyValue.just("s", "v"), KeyValue.empty("none")));
    });
    feature("lists", () -> {
      same(r.rpush("l", "a", "b", "c"), 3L);
      same(r.lrange("l", 0, -1), List.of("a", "b", "c"));
    });
    feature("hashes", () -> {
      same(r.hset("h", Map.of("a", "1", "b", "2")), 2L);
      same(r.hgetall("h"), Map.of("a", "1", "b", "2"));
    });
    feature("sets", () -> {
      same(r.sadd("t", "a", "b"), 2L);
      same(r.sadd("u", "b", "c"), 2L);
      same(r.sinter("t", "u"), Set.of("b"));
    });
    feature("zsets", () -> {
      same(r.zadd("z", ScoredValue.just(1, "a"), ScoredValue.just(2.5, "b")), 2L);
      same(r.zrangeWithScores("z", 0, -1), List.of(ScoredValue.just(1, "a"), ScoredValue.just(2.5, "b")));
      same(r.zpopmin("z"), ScoredValue.just(1, "a"));
    });
    feature("streams", () -> {
      String id = r.xadd("x", Map.of("k", "v"));
      same(r.xgroupCreate(XReadArgs.StreamOffset.from("x", "0"), "g"), "OK");
      var found = r.xreadgroup(io.lettuce.core.Consumer.from("g", "c"), XReadArgs.Builder.count(1), XReadArgs.StreamOffset.lastConsumed("x"));
      same(found.get(0).getId(), id);
      same(found.get(0).getBody(), Map.of("k", "v"));
      same(r.xack("x", "g", id), 1L);
    });
    feature("pipeline", () -> {
      connection.setAutoFlushCommands(false);
      RedisFuture<Long> last = null;
      for (int i = 0; i < 500; i++) last = connection.async().incr("pipelined");
      connection.flushCommands();
      connection.setAutoFlushCommands(true);
      same(last.get(15, TimeUnit.SECONDS), 500L);
    });
    feature("transaction", () -> {
      r.multi();
      r.set("m", "1");
      r.incr("m");
      same(r.exec().stream().toList(), List.of("OK", 2L));
      try (var other = client.connect()) {
        r.watch("m");
        other.sync().set("m", "9");
        r.multi();
        r.incr("m");
        same(r.exec().wasDiscarded(), true);
      }
    });
    feature("pubsub", () -> {
      CompletableFuture<String> got = new CompletableFuture<>();
      try (var listener = client.connectPubSub()) {
        listener.addListener(new RedisPubSubAdapter<>() {
          @Override public void message(String channel, String message) { got.complete(channel + " " + message); }
        });
        listener.sync().subscribe("news");
        same(r.publish("news", "hello"), 1L);
        same(got.get(10, TimeUnit.SECONDS), "news hello");
        listener.sync().unsubscribe("news");
      }
    });
    feature("blocking", () -> {
      try (var other = client.connect()) {
        var popped = other.async().blpop(10, "later");
        r.rpush("later", "job");
        same(popped.get(15, TimeUnit.SECONDS), KeyValue.just("later", "job"));
        same(other.sync().blpop(0.05, "never"), null);
      }
    });
    feature("script", () -> {
      String script = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
      String[] keys = {"c"};
      same(r.eval(script, ScriptOutputType.MULTI, keys, "x"), List.of("c", "x", 1L));
      same(r.evalsha(r.scriptLoad(script), ScriptOutputType.MULTI, keys, "x"), List.of("c", "x", 2L));
      contains(failure(() -> r.evalsha("0".repeat(40), ScriptOutputType.VALUE)), "NOSCRIPT");
    });
    System.out.println("none lock not part of the client");
    feature("resp3", () -> {
      for (ProtocolVersion version : ProtocolVersion.values()) {
        try (RedisClient other = RedisClient.create(uri)) {
          other.setOptions(ClientOptions.builder().protocolVersion(version).build());
          same(other.connect().sync().hgetall("h"), Map.of("a", "1", "b", "2"));
        }
      }
    });
    feature("scan", () -> {
      for (int i = 0; i < 150; i++) r.set("scan:" + i, "" + i);
      Set<String> found = new HashSet<>();
      ScanIterator.scan(r, ScanArgs.Builder.matches("scan:*").limit(10)).forEachRemaining(found::add);
      same(found.size(), 150);
    });
    feature("binary", () -> {
      byte[] blob = new byte[256];
      for (int i = 0; i < 256; i++) blob[i] = (byte) i;
      byte[] key = {98, 0, -1, 13, 10};
      try (var other = client.connect(ByteArrayCodec.INSTANCE)) {
        same(other.sync().set(key, blob), "OK");
        same(Arrays.equals(other.sync().get(key), blob), true);
      }
    });
    feature("big", () -> {
      byte[] big = new byte[900 * 1024];
      new Random(1).nextBytes(big);
      try (var other = client.connect(ByteArrayCodec.INSTANCE)) {
        same(other.sync().set("big".getBytes(), big), "OK");
        same(Arrays.equals(other.sync().get("big".getBytes()), big), true);
      }
    });
    feature("errors", () -> {
      contains(failure(() -> r.lpush("s", "x")), "WRONGTYPE");
      contains(failure(() -> r.configSet("maxmemory", "1")), "NOPERM");
      contains(failure(() -> client.connect(RedisURI.create("redis://wrong@" + host + ":" + port))), "WRONGPASS");
      contains(failure(() -> client.connect(RedisURI.create(host, port)).sync().get("x")), "NOAUTH");
    });
    feature("reconnect", () -> {
      r.set("before", "1");
      System.out.println("restart");
      System.in.read();
      same(r.get("before"), "1");
    });
    System.exit(0);
  }
}
