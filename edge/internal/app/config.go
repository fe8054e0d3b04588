// Package app puts the appliance together: configuration, the box's keys and
// state, the domains, the link to the cloud, the courses, and the pages.
package app

import (
	"context"
	"fmt"
	"io"

	"urbanhomeschool.org/uhs/shared/config"
)

// Version of this build; set by the linker.
var Version = "dev" //nolint:gochecknoglobals // the linker can only set a package variable

// Config is read from the environment.
type Config struct {
	DataDir     string   `env:"DATA_DIR" default:"./data" doc:"Where the database, the box's keys and the courses lie."`
	HTTPAddr    string   `env:"HTTP_ADDR" default:":8080" doc:"Address the school's Wi-Fi reaches."`
	CloudURL    string   `env:"CLOUD_URL" doc:"The cloud; needed to claim the box, remembered then. Set again to override."`
	ClaimCode   string   `env:"CLAIM_CODE" doc:"Claims the box at the first start."`
	LeafURL     string   `env:"LEAF_URL" doc:"Overrides the address of the cloud's NATS hub, tls://host:port."`
	LogLevel    string   `env:"LOG_LEVEL" default:"info" doc:"debug, info, warn or error."`
	Environment string   `env:"ENVIRONMENT" default:"development" doc:"development or production."`
	OllamaURL   string   `env:"OLLAMA_URL" doc:"A local Ollama server; empty: answers come from the lessons alone."`
	OllamaModel string   `env:"OLLAMA_MODEL" doc:"The model to ask, as Ollama names it."`
	Threads     int      `env:"OLLAMA_THREADS" doc:"Threads a local answer may use; by default all cores but one."`
	MaxFrame    int      `env:"MAX_FRAME" doc:"Largest frame sent, bytes; 16384 on thin lines."`
	Neighbours  []string `env:"NEIGHBOURS" doc:"Boxes on the same network that may have courses already, http://host:port,...; asked before the cloud."`
	KeepFree    int64    `env:"KEEP_FREE" default:"500000000" doc:"Bytes of the disk that courses never use."`
	BcryptCost  int      `env:"BCRYPT_COST" default:"10" doc:"Work factor of PIN and password hashes, 10 or more in production."`
	LimitFactor int      `env:"RATE_LIMIT_FACTOR" default:"1" doc:"Multiplies the limits of requests in a minute; 1 in production."`

	SecondMedium  []string `env:"SECOND_MEDIUM" doc:"Where encrypted copies of the database go: mount points of other disks or sticks, or addresses of neighbours' boxes, comma-separated."`
	CopyToken     string   `env:"COPY_TOKEN" secret:"true" doc:"What the neighbour's box was given as SHELF_TOKEN."`
	ShelfToken    string   `env:"SHELF_TOKEN" secret:"true" doc:"Lets neighbours' boxes that know it keep their encrypted copies on this one; 16 characters or more."`
	ShelfQuota    int64    `env:"SHELF_QUOTA" default:"4000000000" doc:"Bytes that neighbours' copies may take together."`
	CopyRecipient string   `env:"COPY_RECIPIENT" doc:"A printed key's public half, age1…, that can open the copies too; uhs-edge copy key makes one."`
}

// Run is the program: a sub-command or, by default, serve.
func Run(ctx context.Context, args []string, out io.Writer) error {
	command := "serve"
	if len(args) > 0 {
		command = args[0]
	}
	if command == "help" {
		_, err := fmt.Fprint(out, "uhs-edge [serve | status | audit verify | deadletters | bundle export FILE|FOLDER | bundle import FILE... | restore FROM [KEYFILE] | copy prepare DIR | copy key | checkconfig | help]\n\n", config.Document(Config{}))
		return err
	}
	var c Config
	if err := config.Load(&c); err != nil {
		return err
	}
	if c.Environment == "production" && c.BcryptCost < 10 {
		return fmt.Errorf("configuration: BCRYPT_COST is below 10 in production")
	}
	if c.LimitFactor < 0 || c.Environment == "production" && c.LimitFactor != 1 {
		return fmt.Errorf("configuration: RATE_LIMIT_FACTOR must be 1 in production")
	}
	switch command {
	case "serve":
		return serve(ctx, c, out)
	case "status":
		return status(ctx, c, out)
	case "deadletters":
		return deadletters(ctx, c, args[1:], out)
	case "restore":
		return restore(ctx, c, args[1:], out)
	case "copy":
		return copyCommand(c, args[1:], out)
	case "audit":
		return auditCommand(ctx, c, args[1:], out)
	case "bundle":
		return bundleCommand(ctx, c, args[1:], out)
	case "checkconfig":
		_, err := fmt.Fprintln(out, "the configuration is complete")
		return err
	default:
		return fmt.Errorf("no such command: %s; try help", command)
	}
}
