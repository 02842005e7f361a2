// go-redis, as its users use it.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()

func feature(name string, check func() error) {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- fmt.Errorf("panic: %v", r)
			}
		}()
		done <- check()
	}()
	select {
	case err := <-done:
		if err != nil {
			fmt.Printf("fail %s %s\n", name, strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Printf("ok %s\n", name)
		}
	case <-time.After(15 * time.Second):
		fmt.Printf("fail %s no end after 15 s\n", name)
	}
}

// same compares what was got with what was wanted, as text.
func same(got any, err error) func(want any) error {
	return func(want any) error {
		if err != nil {
			return err
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("got %v instead of %v", got, want)
		}
		return nil
	}
}

func main() {
	address := os.Getenv("KV_HOST") + ":" + os.Getenv("KV_PORT")
	token := os.Getenv("KV_TOKEN")
	rdb := redis.NewClient(&redis.Options{Addr: address, Password: token})
	fmt.Println("version", redis.Version())

	feature("url", func() error {
		options, err := redis.ParseURL("redis://:" + token + "@" + address + "/0")
		if err != nil {
			return err
		}
		options.ClientName = "probe"
		client := redis.NewClient(options)
		defer client.Close()
		return errors.Join(same(client.Ping(ctx).Result())("PONG"), same(client.ClientGetName(ctx).Result())("probe"))
	})
	feature("hostport", func() error { return same(rdb.Ping(ctx).Result())("PONG") })
	feature("strings", func() error {
		return errors.Join(
			same(rdb.Set(ctx, "s", "v", 100*time.Second).Result())("OK"),
			same(rdb.SetNX(ctx, "s", "w", 0).Result())(false),
			same(rdb.Get(ctx, "s").Result())("v"),
			same(rdb.Incr(ctx, "n").Result())(1),
			same(rdb.IncrByFloat(ctx, "f", 1.5).Result())(1.5),
			same(rdb.MSet(ctx, "a", 1, "b", 2).Result())("OK"),
			same(rdb.MGet(ctx, "a", "b", "c").Result())([]any{"1", "2", nil}),
			same(rdb.GetDel(ctx, "s").Result())("v"),
		)
	})
	feature("lists", func() error {
		return errors.Join(
			same(rdb.RPush(ctx, "l", "a", "b", "c").Result())(3),
			same(rdb.LRange(ctx, "l", 0, -1).Result())([]string{"a", "b", "c"}),
			same(rdb.RPopCount(ctx, "l", 2).Result())([]string{"c", "b"}),
		)
	})
	feature("hashes", func() error {
		return errors.Join(
			same(rdb.HSet(ctx, "h", "a", 1, "b", 2).Result())(2),
			same(rdb.HGetAll(ctx, "h").Result())(map[string]string{"a": "1", "b": "2"}),
			same(rdb.HIncrBy(ctx, "h", "a", 2).Result())(3),
		)
	})
	feature("sets", func() error {
		return errors.Join(
			same(rdb.SAdd(ctx, "t", "a", "b").Result())(2),
			same(rdb.SAdd(ctx, "u", "b", "c").Result())(2),
			same(rdb.SInter(ctx, "t", "u").Result())([]string{"b"}),
			same(rdb.SMembersMap(ctx, "t").Result())(map[string]struct{}{"a": {}, "b": {}}),
		)
	})
	feature("zsets", func() error {
		return errors.Join(
			same(rdb.ZAdd(ctx, "z", redis.Z{Score: 1, Member: "a"}, redis.Z{Score: 2.5, Member: "b"}).Result())(2),
			same(rdb.ZRangeWithScores(ctx, "z", 0, -1).Result())([]redis.Z{{Score: 1, Member: "a"}, {Score: 2.5, Member: "b"}}),
			same(rdb.ZPopMin(ctx, "z").Result())([]redis.Z{{Score: 1, Member: "a"}}),
		)
	})
	feature("streams", func() error {
		id, err := rdb.XAdd(ctx, &redis.XAddArgs{Stream: "x", Values: []string{"k", "v"}}).Result()
		if err != nil {
			return err
		}
		found := errors.Join(same(rdb.XGroupCreate(ctx, "x", "g", "0").Result())("OK"))
		streams, err := rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{"x", ">"}, Count: 1}).Result()
		if err != nil || len(streams) != 1 || streams[0].Messages[0].ID != id {
			return fmt.Errorf("XREADGROUP: %v %v", streams, err)
		}
		info, err := rdb.XInfoStream(ctx, "x").Result()
		if err != nil || info.Length != 1 {
			return fmt.Errorf("XINFO: %v %v", info, err)
		}
		return errors.Join(found, same(rdb.XAck(ctx, "x", "g", id).Result())(1))
	})
	feature("pipeline", func() error {
		var last *redis.IntCmd
		_, err := rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for i := 0; i < 500; i++ {
				last = pipe.Incr(ctx, "pipelined")
			}
			return nil
		})
		return errors.Join(err, same(last.Result())(500))
	})
	feature("transaction", func() error {
		var counted *redis.IntCmd
		_, err := rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.Set(ctx, "m", 1, 0)
			counted = pipe.Incr(ctx, "m")
			return nil
		})
		if err = errors.Join(err, same(counted.Result())(2)); err != nil {
			return err
		}
		err = rdb.Watch(ctx, func(tx *redis.Tx) error {
			rdb.Set(ctx, "m", 9, 0)
			_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error { return pipe.Incr(ctx, "m").Err() })
			return err
		}, "m")
		if !errors.Is(err, redis.TxFailedErr) {
			return fmt.Errorf("the watched key had changed: %v", err)
		}
		return nil
	})
	feature("pubsub", func() error {
		listener := rdb.Subscribe(ctx, "news")
		defer listener.Close()
		if _, err := listener.Receive(ctx); err != nil {
			return err
		}
		if err := errors.Join(listener.Ping(ctx, "x"), same(rdb.Publish(ctx, "news", "hello").Result())(1)); err != nil {
			return err
		}
		message := <-listener.Channel()
		return same(message.Channel+" "+message.Payload, nil)("news hello")
	})
	feature("blocking", func() error {
		go func() {
			time.Sleep(50 * time.Millisecond)
			rdb.RPush(ctx, "later", "job")
		}()
		return errors.Join(
			same(rdb.BLPop(ctx, 10*time.Second, "later").Result())([]string{"later", "job"}),
			same(rdb.BLPop(ctx, time.Second, "never").Err(), nil)(redis.Nil),
		)
	})
	feature("script", func() error {
		script := redis.NewScript("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
		return errors.Join(
			same(script.Run(ctx, rdb, []string{"c"}, "x").Result())([]any{"c", "x", 1}),
			same(script.EvalSha(ctx, rdb, []string{"c"}, "x").Result())([]any{"c", "x", 2}),
		)
	})
	fmt.Println("none lock not part of the client")
	feature("resp3", func() error {
		for protocol := 2; protocol <= 3; protocol++ {
			client := redis.NewClient(&redis.Options{Addr: address, Password: token, Protocol: protocol})
			client.HSet(ctx, "h3", "a", 1)
			if err := same(client.HGetAll(ctx, "h3").Result())(map[string]string{"a": "1"}); err != nil {
				return err
			}
			client.Close()
		}
		return nil
	})
	feature("scan", func() error {
		for i := 0; i < 150; i++ {
			rdb.Set(ctx, fmt.Sprint("scan:", i), i, 0)
		}
		found := map[string]bool{}
		for keys := rdb.Scan(ctx, 0, "scan:*", 10).Iterator(); keys.Next(ctx); {
			found[keys.Val()] = true
		}
		return same(len(found), nil)(150)
	})
	feature("binary", func() error {
		blob := []byte("\r\n$-1\r\n\x00")
		for i := 0; i < 256; i++ {
			blob = append(blob, byte(i))
		}
		return errors.Join(same(rdb.Set(ctx, "bin\x00\xff", blob, 0).Result())("OK"), same(rdb.Get(ctx, "bin\x00\xff").Bytes())(blob))
	})
	feature("big", func() error {
		big := make([]byte, 900*1024)
		rand.Read(big)
		if err := rdb.Set(ctx, "big", big, 0).Err(); err != nil {
			return err
		}
		got, err := rdb.Get(ctx, "big").Bytes()
		return errors.Join(err, same(bytes.Equal(got, big), nil)(true))
	})
	feature("errors", func() error {
		rdb.Set(ctx, "string", "v", 0)
		wants := func(err error, prefix string) error {
			if err == nil || !redis.HasErrorPrefix(err, prefix) {
				return fmt.Errorf("no %s but %v", prefix, err)
			}
			return nil
		}
		return errors.Join(
			wants(rdb.LPush(ctx, "string", "x").Err(), "WRONGTYPE"),
			wants(rdb.ConfigSet(ctx, "maxmemory", "1").Err(), "NOPERM"),
			wants(redis.NewClient(&redis.Options{Addr: address, Password: "wrong"}).Get(ctx, "x").Err(), "WRONGPASS"),
			wants(redis.NewClient(&redis.Options{Addr: address}).Get(ctx, "x").Err(), "NOAUTH"),
		)
	})
	feature("reconnect", func() error {
		rdb.Set(ctx, "before", 1, 0)
		listener := rdb.Subscribe(ctx, "again")
		defer listener.Close()
		if _, err := listener.Receive(ctx); err != nil {
			return err
		}
		messages := listener.Channel()
		fmt.Println("restart")
		bufio.NewReader(os.Stdin).ReadString('\n')
		if err := same(rdb.Get(ctx, "before").Result())("1"); err != nil {
			return err
		}
		for rdb.Publish(ctx, "again", "x").Val() == 0 {
			time.Sleep(20 * time.Millisecond)
		}
		return same((<-messages).Payload, nil)("x")
	})
}
