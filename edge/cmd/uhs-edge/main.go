// Command uhs-edge is the school appliance.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"urbanhomeschool.org/uhs/edge/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := app.Run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "uhs-edge:", err)
		os.Exit(1)
	}
}
