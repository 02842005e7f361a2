import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.TrackingArgs;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.support.caching.CacheAccessor;
import io.lettuce.core.support.caching.CacheFrontend;
import io.lettuce.core.support.caching.ClientSideCaching;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Lettuce with its client-side cache, which needs CLIENT TRACKING and RESP3. */
public class Scenario {
  public static void main(String[] args) {
    Check.version(RedisClient.class);
    RedisURI uri =
        RedisURI.builder().withHost(Check.HOST).withPort(Check.PORT).withPassword(Check.PASSWORD.toCharArray()).build();
    RedisClient client = RedisClient.create(uri);
    Check.that(
        "a value is answered from the cache until another writes it",
        () -> {
          StatefulRedisConnection<String, String> writer = client.connect();
          StatefulRedisConnection<String, String> reader = client.connect();
          Map<String, String> cache = new ConcurrentHashMap<>();
          writer.sync().set("k", "1");
          CacheFrontend<String, String> frontend =
              ClientSideCaching.enable(
                  CacheAccessor.forMap(cache), reader, TrackingArgs.Builder.enabled());
          Check.same(frontend.get("k"), "1");
          Check.same(cache.get("k"), "1");
          writer.sync().set("k", "2");
          while (!"2".equals(frontend.get("k"))) Thread.sleep(10);
        });
    System.exit(0);
  }
}
