import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import redis.clients.jedis.AbstractTransaction;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.RedisClient;

/** Jedis: a pool, a transaction that watches, messages. */
public class Scenario {
  public static void main(String[] args) {
    Check.version(Jedis.class);
    RedisClient client =
        RedisClient.create("redis://:" + Check.PASSWORD + "@" + Check.HOST + ":" + Check.PORT);
    Check.that(
        "ten threads count",
        () -> {
          CompletableFuture<?>[] all = new CompletableFuture<?>[10];
          for (int i = 0; i < all.length; i++)
            all[i] =
                CompletableFuture.runAsync(
                    () -> {
                      for (int n = 0; n < 20; n++) client.incr("n");
                    });
          CompletableFuture.allOf(all).get();
          Check.same(client.get("n"), "200");
        });
    Check.that(
        "a transaction, and a script",
        () -> {
          try (AbstractTransaction transaction = client.multi()) {
            transaction.set("a", "1");
            transaction.incrBy("a", 4);
            Check.same(transaction.exec(), List.of("OK", 5L));
          }
          Check.same(
              client.eval("return redis.call('INCRBY', KEYS[1], ARGV[1])", List.of("a"), List.of("2")), 7L);
        });
    Check.that(
        "a message",
        () -> {
          CountDownLatch subscribed = new CountDownLatch(1);
          CountDownLatch heard = new CountDownLatch(1);
          Thread listener =
              new Thread(
                  () -> {
                    try (Jedis jedis = new Jedis(Check.HOST, Check.PORT)) {
                      jedis.auth(Check.PASSWORD);
                      jedis.subscribe(
                          new JedisPubSub() {
                            @Override
                            public void onSubscribe(String channel, int count) {
                              subscribed.countDown();
                            }

                            @Override
                            public void onMessage(String channel, String message) {
                              heard.countDown();
                            }
                          },
                          "news");
                    }
                  });
          listener.setDaemon(true);
          listener.start();
          Check.same(subscribed.await(10, TimeUnit.SECONDS), true);
          Check.same(client.publish("news", "hello"), 1L);
          Check.same(heard.await(10, TimeUnit.SECONDS), true);
        });
    System.exit(0);
  }
}
