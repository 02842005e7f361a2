// asynq: queues by scripts over lists, sorted sets and hashes; cancelling by messages.
package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"scenarios/check"
)

type quiet struct{}

func (quiet) Debug(...any) {}
func (quiet) Info(...any)  {}
func (quiet) Warn(...any)  {}
func (quiet) Error(...any) {}
func (quiet) Fatal(...any) {}

func main() {
	check.Version("github.com/hibiken/asynq")
	redis := asynq.RedisClientOpt{Addr: check.Address, Password: check.Password}
	client := asynq.NewClient(redis)
	inspector := asynq.NewInspector(redis)
	var worked, attempts atomic.Int64
	mux := asynq.NewServeMux()
	mux.HandleFunc("work", func(context.Context, *asynq.Task) error {
		worked.Add(1)
		return nil
	})
	mux.HandleFunc("flaky", func(context.Context, *asynq.Task) error {
		if attempts.Add(1) < 3 {
			return errors.New("again")
		}
		return nil
	})
	mux.HandleFunc("fail", func(context.Context, *asynq.Task) error {
		return fmt.Errorf("for good: %w", asynq.SkipRetry)
	})
	server := asynq.NewServer(redis, asynq.Config{
		Concurrency:              4,
		Logger:                   quiet{},
		DelayedTaskCheckInterval: 100 * time.Millisecond,
		TaskCheckInterval:        50 * time.Millisecond,
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return 10 * time.Millisecond },
	})
	until := func(isTrue func() bool) error {
		for i := 0; i < 1_000; i++ {
			if isTrue() {
				return nil
			}
			time.Sleep(20 * time.Millisecond)
		}
		return errors.New("did not come true")
	}
	check.That("50 tasks, four at a time", func() error {
		for i := 0; i < 50; i++ {
			if _, err := client.Enqueue(asynq.NewTask("work", nil)); err != nil {
				return err
			}
		}
		if err := server.Start(mux); err != nil {
			return err
		}
		return until(func() bool { return worked.Load() == 50 })
	})
	check.That("retries, delays, and one task at a time", func() error {
		if _, err := client.Enqueue(asynq.NewTask("flaky", nil), asynq.MaxRetry(5)); err != nil {
			return err
		}
		if _, err := client.Enqueue(asynq.NewTask("work", nil), asynq.ProcessIn(time.Second)); err != nil {
			return err
		}
		_, err := client.Enqueue(asynq.NewTask("work", []byte("x")), asynq.ProcessIn(time.Hour), asynq.Unique(time.Hour))
		if err != nil {
			return err
		}
		_, err = client.Enqueue(asynq.NewTask("work", []byte("x")), asynq.Unique(time.Hour))
		if !errors.Is(err, asynq.ErrDuplicateTask) {
			return fmt.Errorf("a second one was taken: %v", err)
		}
		return until(func() bool { return attempts.Load() == 3 && worked.Load() == 51 })
	})
	check.That("the inspector", func() error {
		if _, err := client.Enqueue(asynq.NewTask("fail", nil)); err != nil {
			return err
		}
		if err := until(func() bool {
			archived, err := inspector.ListArchivedTasks("default")
			return err == nil && len(archived) == 1
		}); err != nil {
			return err
		}
		info, err := inspector.GetQueueInfo("default")
		if err != nil {
			return err
		}
		if err := check.Same([]int{info.Scheduled, info.Archived}, []int{1, 1}); err != nil {
			return err
		}
		deleted, err := inspector.DeleteAllScheduledTasks("default")
		if err != nil {
			return err
		}
		return check.Same(deleted, 1)
	})
	server.Shutdown()
}
