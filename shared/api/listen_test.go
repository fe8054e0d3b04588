package api_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/logging"
)

func TestListeningEndsEvenWhenItIsStoppedBeforeItBegan(t *testing.T) {
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		a := api.New(api.Options{Name: "Test", Version: "test", Log: logging.Discard()})
		go func() { ended <- a.Listen(ctx, "127.0.0.1:0") }()
		cancel()
		select {
		case err := <-ended:
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		case <-time.After(15 * time.Second):
			t.Fatal("it still serves")
		}
	}
}
