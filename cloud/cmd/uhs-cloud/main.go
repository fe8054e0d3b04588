// Command uhs-cloud is the cloud core: API, web app, NATS hub and payments.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"urbanhomeschool.org/uhs/cloud/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := app.Run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "uhs-cloud:", err)
		os.Exit(1)
	}
}
