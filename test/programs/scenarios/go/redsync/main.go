// redsync: locks by scripts that compare a value.
package main

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
	"scenarios/check"
)

func main() {
	check.Version("github.com/go-redsync/redsync/v4")
	client := redis.NewClient(&redis.Options{Addr: check.Address, Password: check.Password})
	locks := redsync.New(goredis.NewPool(client))
	check.That("ten contenders enter one after the other", func() error {
		var inside, most, failed atomic.Int64
		var group sync.WaitGroup
		for i := 0; i < 10; i++ {
			group.Add(1)
			go func() {
				defer group.Done()
				lock := locks.NewMutex("door", redsync.WithTries(200), redsync.WithRetryDelay(10*time.Millisecond))
				if lock.Lock() != nil {
					failed.Add(1)
					return
				}
				if now := inside.Add(1); now > most.Load() {
					most.Store(now)
				}
				time.Sleep(5 * time.Millisecond)
				inside.Add(-1)
				if ok, err := lock.Unlock(); !ok || err != nil {
					failed.Add(1)
				}
			}()
		}
		group.Wait()
		return check.Same([]int64{most.Load(), failed.Load()}, []int64{1, 0})
	})
	check.That("a lock is extended, and ends by itself", func() error {
		lock := locks.NewMutex("short", redsync.WithExpiry(400*time.Millisecond), redsync.WithTries(1))
		if err := lock.Lock(); err != nil {
			return err
		}
		if ok, err := lock.Extend(); !ok || err != nil {
			return errors.New("was not extended")
		}
		if locks.NewMutex("short", redsync.WithTries(1)).Lock() == nil {
			return errors.New("two have it")
		}
		time.Sleep(500 * time.Millisecond)
		return locks.NewMutex("short", redsync.WithTries(1)).Lock()
	})
}
