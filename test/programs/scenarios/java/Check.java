import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** What the scenarios in Java share: where the server is, and how they tell what worked. */
final class Check {
  static final String HOST = System.getenv("KV_HOST");
  static final int PORT = Integer.parseInt(System.getenv("KV_PORT"));
  static final String PASSWORD = System.getenv("KV_PASSWORD");

  interface Body {
    void run() throws Exception;
  }

  private Check() {}

  /** By the name of the jar that the class came in, as in redisson-3.50.0.jar. */
  static void version(Class<?> of) {
    String jar = of.getProtectionDomain().getCodeSource().getLocation().getPath();
    System.out.println("{\"version\":" + quoted(jar.replaceAll(".*?-(\\d[^/]*)\\.jar$", "$1")) + "}");
  }

  /** Runs a check and tells how long it took, or why it failed. */
  static void that(String name, Body body) {
    long began = System.nanoTime();
    String error = "";
    try {
      CompletableFuture.runAsync(
              () -> {
                try {
                  body.run();
                } catch (Exception failed) {
                  throw new RuntimeException(failed);
                }
              })
          .get(30, TimeUnit.SECONDS);
    } catch (Exception failed) {
      Throwable cause = failed;
      while (cause.getCause() != null) cause = cause.getCause();
      error = ",\"error\":" + quoted(String.valueOf(cause));
    }
    long ms = (System.nanoTime() - began) / 1_000_000;
    System.out.println("{\"check\":" + quoted(name) + ",\"ms\":" + ms + error + "}");
  }

  static void same(Object got, Object want) {
    if (!Objects.equals(got, want)) throw new AssertionError("got " + got + " instead of " + want);
  }

  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') quoted.append('\\').append(c);
      else if (c < ' ') quoted.append(String.format("\\u%04x", (int) c));
      else quoted.append(c);
    }
    return quoted.append('"').toString();
  }
}
