// redis-rs, as its users use it.
use redis::{Client, Commands, Connection, RedisError, RedisResult, Script, Value};
use std::{collections::HashMap, env, io, thread, time::Duration};

/// As pinned in Cargo.toml.
const REDIS_RS: &str = "1.8.1";

type Check = Result<(), String>;

fn same<T: PartialEq + std::fmt::Debug>(got: RedisResult<T>, want: T) -> Check {
    match got {
        Ok(got) if got == want => Ok(()),
        other => Err(format!("got {other:?} instead of {want:?}").chars().take(400).collect()),
    }
}

fn feature(name: &str, check: impl FnOnce() -> Check) {
    match check() {
        Ok(()) => println!("ok {name}"),
        Err(why) => println!("fail {name} {}", why.replace('\n', " ")),
    }
}

fn fails<T>(result: RedisResult<T>, code: &str) -> Check {
    match result {
        Err(error) if error.code() == Some(code) || error.to_string().contains(code) => Ok(()),
        Err(error) => Err(format!("no {code} but {error}")),
        Ok(_) => Err(format!("no {code}")),
    }
}

fn text(error: RedisError) -> String {
    error.to_string()
}

fn dial(url: &str) -> RedisResult<Connection> {
    let connection = Client::open(url)?.get_connection()?;
    connection.set_read_timeout(Some(Duration::from_secs(15)))?;
    Ok(connection)
}

fn main() {
    let var = |name| env::var(name).unwrap();
    let (host, port, token) = (var("KV_HOST"), var("KV_PORT"), var("KV_TOKEN"));
    let url = format!("redis://:{token}@{host}:{port}");
    println!("version {}", REDIS_RS);
    let mut owner = dial(&url).unwrap();
    let con = &mut owner;

    feature("url", || same(redis::cmd("PING").query(con), "PONG".to_string()));
    feature("hostport", || {
        let bare = format!("redis://{host}:{port}");
        let mut other = dial(&bare).map_err(text)?;
        redis::cmd("AUTH").arg(&token).query::<()>(&mut other).map_err(text)?;
        same(redis::cmd("PING").query(&mut other), "PONG".to_string())
    });
    feature("strings", || {
        same(con.set_ex("s", "v", 100), "OK".to_string())?;
        same(con.get("s"), "v".to_string())?;
        same(con.get("none"), None::<String>)?;
        same(con.incr("n", 1), 1)?;
        same(con.incr("f", 1.5), 1.5)?;
        same(con.mget(&["s", "none"]), vec![Some("v".to_string()), None])
    });
    feature("lists", || {
        same(con.rpush("l", &["a", "b", "c"]), 3)?;
        same(con.lrange("l", 0, -1), vec!["a".to_string(), "b".into(), "c".into()])
    });
    feature("hashes", || {
        same(con.hset_multiple("h", &[("a", 1), ("b", 2)]), "OK".to_string())?;
        same(con.hgetall("h"), HashMap::from([("a".to_string(), 1), ("b".into(), 2)]))
    });
    feature("sets", || {
        same(con.sadd("t", &["a", "b"]), 2)?;
        same(con.sadd("u", &["b", "c"]), 2)?;
        same(con.sinter(&["t", "u"]), vec!["b".to_string()])
    });
    feature("zsets", || {
        same(con.zadd_multiple("z", &[(1.0, "a"), (2.5, "b")]), 2)?;
        same(con.zrange_withscores("z", 0, -1), vec![("a".to_string(), 1.0), ("b".into(), 2.5)])
    });
    feature("streams", || {
        let id: String = con.xadd("x", "*", &[("k", "v")]).map_err(text)?;
        same(con.xgroup_create("x", "g", "0"), "OK".to_string())?;
        let options = redis::streams::StreamReadOptions::default().group("g", "c").count(1);
        let found: Option<redis::streams::StreamReadReply> = con.xread_options(&["x"], &[">"], &options).map_err(text)?;
        same(Ok(found.map(|reply| reply.keys[0].ids[0].id.clone())), Some(id.clone()))?;
        let info: redis::streams::StreamInfoStreamReply = con.xinfo_stream("x").map_err(text)?;
        same(Ok(info.length), 1)?;
        same(con.xack("x", "g", &[id]), 1)
    });
    feature("pipeline", || {
        let mut pipe = redis::pipe();
        for _ in 0..500 {
            pipe.incr("pipelined", 1);
        }
        same(pipe.query(con), (1..=500).collect::<Vec<i64>>())
    });
    feature("transaction", || {
        same(redis::pipe().atomic().set("m", 1).ignore().incr("m", 1).query(con), (2,))?;
        redis::cmd("WATCH").arg("m").query::<()>(con).map_err(text)?;
        dial(&url).map_err(text)?.set::<_, _, ()>("m", 9).map_err(text)?;
        same(redis::pipe().atomic().incr("m", 1).query(con), None::<(i64,)>)?;
        same(redis::transaction(con, &["m"], |con, pipe| pipe.incr("m", 1).query::<Option<(i64,)>>(con)), (10,))
    });
    feature("pubsub", || {
        let mut other = dial(&url).map_err(text)?;
        let mut listener = other.as_pubsub();
        listener.subscribe("news").map_err(text)?;
        same(con.publish("news", "hello"), 1)?;
        same(listener.get_message().map_err(text)?.get_payload(), "hello".to_string())
    });
    feature("blocking", || {
        let target = url.clone();
        let later = thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            dial(&target).and_then(|mut con| con.rpush::<_, _, i64>("later", "job"))
        });
        same(con.blpop("later", 10.0), Some(("later".to_string(), "job".to_string())))?;
        same(later.join().unwrap(), 1)?;
        same(con.blpop("never", 0.05), None::<(String, String)>)
    });
    feature("script", || {
        let script = Script::new("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}");
        same(script.key("c").arg("x").invoke(con), ("c".to_string(), "x".to_string(), 1))?;
        same(script.key("c").arg("x").invoke(con), ("c".to_string(), "x".to_string(), 2))
    });
    println!("none lock not part of the client");
    feature("resp3", || {
        let mut other = dial(&format!("{url}/?protocol=resp3")).map_err(text)?;
        let raw: Value = redis::cmd("HGETALL").arg("h").query(&mut other).map_err(text)?;
        same(Ok(matches!(raw, Value::Map(_))), true)
    });
    feature("scan", || {
        for i in 0..150 {
            con.set::<_, _, ()>(format!("scan:{i}"), i).map_err(text)?;
        }
        let keys = con.scan_match::<_, String>("scan:*").map_err(text)?;
        let found: Result<std::collections::HashSet<String>, _> = keys.collect();
        same(found.map(|found| found.len()), 150)
    });
    feature("binary", || {
        let blob: Vec<u8> = b"\r\n$-1\r\n".iter().copied().chain(0..=255).collect();
        con.set::<_, _, ()>(b"bin\0\xff", &blob).map_err(text)?;
        same(con.get(b"bin\0\xff"), blob)
    });
    feature("big", || {
        let big: Vec<u8> = (0..900 * 1024u32).map(|i| (i * 31 % 251) as u8).collect();
        con.set::<_, _, ()>("big", &big).map_err(text)?;
        let got: Vec<u8> = con.get("big").map_err(text)?;
        same(Ok(got == big), true)
    });
    feature("errors", || {
        fails(con.lpush::<_, _, i64>("s", "x"), "WRONGTYPE")?;
        fails(redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1").query::<Value>(con), "NOPERM")?;
        fails(dial(&format!("redis://:wrong@{host}:{port}")).map(|_| ()), "WRONGPASS").or_else(|_| {
            fails(dial(&format!("redis://:wrong@{host}:{port}")).map(|_| ()), "uthentication failed")
        })?;
        fails(dial(&format!("redis://{host}:{port}")).and_then(|mut con| con.get::<_, String>("x")), "NOAUTH")
    });
    feature("reconnect with a new connection of the same client in the program", || {
        let client = Client::open(url.as_str()).map_err(text)?;
        con.set::<_, _, ()>("before", 1).map_err(text)?;
        println!("restart");
        io::stdin().read_line(&mut String::new()).map_err(|error| error.to_string())?;
        same(client.get_connection().and_then(|mut con| con.get("before")), "1".to_string())
    });
}
