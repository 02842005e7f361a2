import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.redisson.Redisson;
import org.redisson.api.RBlockingQueue;
import org.redisson.api.RDelayedQueue;
import org.redisson.api.RLock;
import org.redisson.api.RMap;
import org.redisson.api.RMapCache;
import org.redisson.api.RRateLimiter;
import org.redisson.api.RSemaphore;
import org.redisson.api.RTopic;
import org.redisson.api.RateType;
import org.redisson.api.RedissonClient;
import org.redisson.config.Config;

/** Redisson: locks and collections of scripts that publish. */
public class Scenario {
  static RedissonClient client() {
    Config config = new Config();
    config
        .useSingleServer()
        .setAddress("redis://" + Check.HOST + ":" + Check.PORT)
        .setPassword(Check.PASSWORD)
        .setConnectionMinimumIdleSize(2)
        .setConnectionPoolSize(8);
    return Redisson.create(config);
  }

  public static void main(String[] args) {
    Check.version(Redisson.class);
    RedissonClient one = client();
    RedissonClient other = client();
    Check.that(
        "a lock of two processes, waited for",
        () -> {
          AtomicInteger inside = new AtomicInteger();
          AtomicInteger most = new AtomicInteger();
          List<CompletableFuture<Void>> all = new ArrayList<>();
          for (int i = 0; i < 6; i++) {
            RedissonClient client = i % 2 == 0 ? one : other;
            all.add(
                CompletableFuture.runAsync(
                    () -> {
                      RLock lock = client.getLock("door");
                      lock.lock(20, TimeUnit.SECONDS);
                      most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                      inside.decrementAndGet();
                      lock.unlock();
                    },
                    command -> new Thread(command).start()));
          }
          CompletableFuture.allOf(all.toArray(new CompletableFuture[0])).get();
          Check.same(most.get(), 1);
        });
    Check.that(
        "a lock is renewed while it is held, and taken again by its holder",
        () -> {
          RLock lock = one.getLock("kept");
          lock.lock();
          lock.lock();
          Check.same(lock.getHoldCount(), 2);
          Check.same(other.getLock("kept").tryLock(), false);
          lock.unlock();
          lock.unlock();
          Check.same(other.getLock("kept").isLocked(), false);
        });
    Check.that(
        "maps, and maps whose entries end",
        () -> {
          RMap<String, Integer> map = one.getMap("map");
          map.putAll(Map.of("a", 1, "b", 2));
          Check.same(map.replace("a", 1, 6), true);
          Check.same(other.<String, Integer>getMap("map").get("a"), 6);
          Check.same(map.putIfAbsent("b", 9), 2);
          RMapCache<String, String> cache = one.getMapCache("cache");
          cache.put("short", "x", 200, TimeUnit.MILLISECONDS);
          cache.put("long", "y", 1, TimeUnit.HOURS);
          Thread.sleep(300);
          Check.same(cache.get("short"), null);
          Check.same(cache.get("long"), "y");
        });
    Check.that(
        "topics, also by pattern",
        () -> {
          CountDownLatch heard = new CountDownLatch(2);
          RTopic topic = other.getTopic("news.today");
          topic.addListener(String.class, (channel, message) -> heard.countDown());
          other.getPatternTopic("news.*").addListener(String.class, (p, c, m) -> heard.countDown());
          one.getTopic("news.today").publish("hello");
          Check.same(heard.await(10, TimeUnit.SECONDS), true);
        });
    Check.that(
        "queues that wait, and delayed ones",
        () -> {
          RBlockingQueue<String> queue = other.getBlockingQueue("queue");
          CompletableFuture<String> taken = queue.pollAsync(10, TimeUnit.SECONDS).toCompletableFuture();
          one.getBlockingQueue("queue").put("now");
          Check.same(taken.get(10, TimeUnit.SECONDS), "now");
          RBlockingQueue<String> target = one.getBlockingQueue("target");
          RDelayedQueue<String> delayed = one.getDelayedQueue(target);
          delayed.offer("later", 300, TimeUnit.MILLISECONDS);
          Check.same(target.poll(10, TimeUnit.SECONDS), "later");
          delayed.destroy();
        });
    Check.that(
        "a semaphore, a limit of rate, ids, a counter",
        () -> {
          RSemaphore semaphore = one.getSemaphore("semaphore");
          semaphore.trySetPermits(2);
          Check.same(semaphore.tryAcquire(2), true);
          Check.same(other.getSemaphore("semaphore").tryAcquire(), false);
          semaphore.release(2);
          RRateLimiter limiter = one.getRateLimiter("limiter");
          limiter.trySetRate(RateType.OVERALL, 2, java.time.Duration.ofMinutes(1));
          Check.same(limiter.tryAcquire(2), true);
          Check.same(limiter.tryAcquire(1), false);
          Check.same(one.getAtomicLong("n").incrementAndGet(), 1L);
          Check.same(one.getBucket("b").compareAndSet(null, "x"), true);
        });
    System.exit(0);
  }
}
