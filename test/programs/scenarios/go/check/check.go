// Package check has what the scenarios in Go share: where the server is, and how they tell what worked.
package check

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"time"
)

var (
	Address  = os.Getenv("KV_HOST") + ":" + os.Getenv("KV_PORT")
	Password = os.Getenv("KV_PASSWORD")
)

func tell(line map[string]any) {
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

// Version tells the version of a module of this program.
func Version(module string) {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			tell(map[string]any{"version": dependency.Version})
		}
	}
}

// That runs a check and tells how long it took, or why it failed.
func That(name string, run func() error) {
	began := time.Now()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if reason := recover(); reason != nil {
				done <- fmt.Errorf("panic: %v", reason)
			}
		}()
		done <- run()
	}()
	var err error
	select {
	case err = <-done:
	case <-time.After(30 * time.Second):
		err = fmt.Errorf("no end after 30 s")
	}
	line := map[string]any{"check": name, "ms": time.Since(began).Milliseconds()}
	if err != nil {
		line["error"] = err.Error()
	}
	tell(line)
}

// Same is an error when two things do not look the same.
func Same(got, want any) error {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("got %v instead of %v", got, want)
	}
	return nil
}
