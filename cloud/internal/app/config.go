// Package app puts the cloud core together: configuration, keys, the domains,
// the hub, payments, packs and the fleet, and what follows when records arrive.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/llm"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/config"
	"urbanhomeschool.org/uhs/shared/fernet"
)

// Version of this build; set by the linker.
var Version = "dev" //nolint:gochecknoglobals // the linker can only set a package variable

// Config is read from the environment. Names are those of UHS v1 where it has
// them.
type Config struct {
	DatabaseURL string   `env:"DATABASE_URL" required:"true" secret:"true" doc:"Postgres, e.g. postgres://uhs@db/uhs."`
	SecretKey   string   `env:"SECRET_KEY" required:"true" secret:"true" doc:"32 characters or more; all keys of this installation are derived from it."`
	SealKeys    []string `env:"SEAL_KEYS" secret:"true" doc:"Fernet keys that seal secrets in the database, newest first; after a change: uhs-cloud keys reseal. Empty: one derived from SECRET_KEY, which always opens."`
	HTTPAddr    string   `env:"HTTP_ADDR" default:":8000" doc:"Address of the API and the web app."`
	PublicURL   string   `env:"PUBLIC_URL" default:"http://127.0.0.1:8000" doc:"Where people and gateways reach this service."`
	DataDir     string   `env:"DATA_DIR" default:"./data" doc:"Course packs and the hub's streams."`
	LeafAddr    string   `env:"NATS_LEAF_ADDR" default:":7422" doc:"Where appliances connect."`
	LeafURL     string   `env:"NATS_PUBLIC_URL" doc:"What appliances are told, tls://host:port; by default made of NATS_LEAF_ADDR."`
	Environment string   `env:"ENVIRONMENT" default:"development" doc:"development or production."`
	Demo        bool     `env:"DEMO" default:"false" doc:"Accept demo settings; refused in production."`
	LogLevel    string   `env:"LOG_LEVEL" default:"info" doc:"debug, info, warn or error."`
	BcryptCost  int      `env:"BCRYPT_COST" default:"10" doc:"Work factor of password hashes, 10 or more in production."`

	TrustedProxies []string `env:"TRUSTED_PROXIES" doc:"Addresses or networks of the proxies in front, comma-separated; only their X-Forwarded-For and -Proto are believed."`
	Origins        []string `env:"CORS_ORIGINS" doc:"Other web sites whose pages may call the API, https://host,...; usually none."`
	LimitFactor    int      `env:"RATE_LIMIT_FACTOR" default:"1" doc:"Multiplies the limits of requests in a minute; 1 in production."`

	BackupDir       string        `env:"BACKUP_DIR" doc:"Where backups go; another disk or machine. Empty: none are taken by themselves."`
	BackupEvery     time.Duration `env:"BACKUP_EVERY" default:"24h" doc:"How often one is taken and verified, if BACKUP_DIR is set."`
	BackupKeep      int           `env:"BACKUP_KEEP" default:"7" doc:"How many are kept; 0: all. The last verified one always is."`
	BackupRecipient string        `env:"BACKUP_RECIPIENT" doc:"An age recipient that can open backups too; SECRET_KEY always can."`

	MpesaURL       string `env:"MPESA_BASE_URL" doc:"Daraja: https://api.safaricom.co.ke, its sandbox or a simulator; empty: payments wait."`
	MpesaKey       string `env:"MPESA_CONSUMER_KEY" secret:"true" doc:"Daraja consumer key."`
	MpesaSecret    string `env:"MPESA_CONSUMER_SECRET" secret:"true" doc:"Daraja consumer secret."`
	MpesaShortCode string `env:"MPESA_SHORTCODE" doc:"The PayBill number."`
	MpesaPasskey   string `env:"MPESA_PASSKEY" secret:"true" doc:"Passkey of STK pushes."`
	MpesaC2B       string `env:"MPESA_C2B_SECRET" secret:"true" doc:"Secret part of the C2B address; by default derived from SECRET_KEY."`
	MpesaRegister  bool   `env:"MPESA_REGISTER" default:"false" doc:"Register the C2B addresses at start; with a simulator. In production once, by hand."`
	MailServer     string `env:"SMTP_ADDR" doc:"Mail server, host:port; empty: mails wait."`
	MailUser       string `env:"SMTP_USERNAME" doc:"Account at the mail server, if it wants one."`
	MailPassword   string `env:"SMTP_PASSWORD" secret:"true" doc:"Its password."`
	MailFrom       string `env:"SMTP_FROM" default:"Urban Home School <no-reply@localhost>" doc:"Sender of mails."`
	MailPlain      bool   `env:"SMTP_PLAIN" default:"false" doc:"Accept a mail server without TLS; refused in production."`

	SMSURL      string `env:"SMS_BASE_URL" doc:"Africa's Talking: https://api.africastalking.com, its sandbox or a simulator; empty: text messages wait."`
	SMSUser     string `env:"SMS_USERNAME" doc:"Application's user name at Africa's Talking."`
	SMSKey      string `env:"SMS_API_KEY" secret:"true" doc:"Its API key."`
	SMSFrom     string `env:"SMS_SENDER" doc:"Our short code or sender id."`
	SMSCallback string `env:"SMS_CALLBACK_SECRET" secret:"true" doc:"Secret part of the address for the gateway's reports (PUBLIC_URL/hk/SECRET/d and /i); by default derived from SECRET_KEY and printed by uhs-cloud sms."`

	PaymentFresh   string   `env:"PAYMENT_FRESH" default:"10m" doc:"How old an intent may be for its payer still to be there."`
	PaymentAnyHour bool     `env:"PAYMENT_ANY_HOUR" doc:"Ask phones at any hour; for tests, refused in production."`
	PaymentQueries []string `env:"PAYMENT_QUERY_SCHEDULE" doc:"When to ask the gateway after a push, e.g. 20s,45s,90s; default as in the runbook."`
}

func (c Config) check() error {
	var problems []string
	if len(c.SecretKey) < 32 {
		problems = append(problems, "SECRET_KEY needs 32 characters")
	}
	if c.Environment == "production" {
		if c.Demo || strings.HasPrefix(c.SecretKey, "demo-") {
			problems = append(problems, "demo settings cannot be used in production")
		}
		if c.BcryptCost < 10 {
			problems = append(problems, "BCRYPT_COST is below 10 in production")
		}
		if c.LimitFactor != 1 {
			problems = append(problems, "RATE_LIMIT_FACTOR must be 1 in production")
		}
		if !strings.HasPrefix(c.PublicURL, "https://") {
			problems = append(problems, "PUBLIC_URL must be https in production")
		}
	}
	if _, err := api.ParseProxies(c.TrustedProxies); err != nil {
		problems = append(problems, "TRUSTED_PROXIES: "+err.Error())
	}
	for _, k := range c.SealKeys {
		if _, err := fernet.ParseKey(k); err != nil {
			problems = append(problems, "SEAL_KEYS: a key is 32 bytes in base64url")
		}
	}
	if c.LimitFactor < 0 {
		problems = append(problems, "RATE_LIMIT_FACTOR: 1 or more, 0 to count nothing")
	}
	for _, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.Path != "" {
			problems = append(problems, "CORS_ORIGINS: want https://host, without a path")
		}
	}
	if _, err := c.schedule(); err != nil {
		problems = append(problems, err.Error())
	}
	if c.PaymentAnyHour && c.Environment == "production" {
		return errors.New("configuration: PAYMENT_ANY_HOUR is for tests")
	}
	if _, err := time.ParseDuration(c.PaymentFresh); err != nil {
		problems = append(problems, "PAYMENT_FRESH: want a duration such as 10m")
	}
	if c.MailPlain && c.Environment == "production" {
		problems = append(problems, "SMTP_PLAIN cannot be used in production")
	}
	if c.SMSURL != "" && (c.SMSUser == "" || c.SMSKey == "") {
		problems = append(problems, "SMS_BASE_URL needs SMS_USERNAME and SMS_API_KEY")
	}
	if c.BackupEvery < time.Minute || c.BackupKeep < 0 {
		problems = append(problems, "BACKUP_EVERY: want a minute or more; BACKUP_KEEP: 0 or more")
	}
	if len(problems) > 0 {
		return fmt.Errorf("configuration: %s", strings.Join(problems, "; "))
	}
	return nil
}

func (c Config) schedule() ([]time.Duration, error) {
	var out []time.Duration
	for _, s := range c.PaymentQueries {
		d, err := time.ParseDuration(s)
		if err != nil {
			return nil, errors.New("PAYMENT_QUERY_SCHEDULE: want durations such as 20s,45s")
		}
		out = append(out, d)
	}
	return out, nil
}

func (c Config) leaf() (host string, port int, err error) {
	host, p, err := net.SplitHostPort(c.LeafAddr)
	if err != nil {
		return "", 0, fmt.Errorf("NATS_LEAF_ADDR: %w", err)
	}
	port, err = strconv.Atoi(p)
	return host, port, err
}

// Run is the program: a sub-command or, by default, serve.
func Run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	command := "serve"
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	if command == "help" {
		_, err := fmt.Fprint(out, "uhs-cloud [serve | migrate | publish DIR... | admin create EMAIL | audit verify | keys [revoke KEY | reseal] | sms | bundle export --school CODE [--packs] FILE | bundle import FILE... | backup [--keep N] DIR | verify FILE | restore FILE --into URL | checkconfig | help]\n\n", config.Document(Config{}), config.Document(llm.Settings{}))
		return err
	}
	var c Config
	if err := config.Load(&c); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	switch command {
	case "serve":
		return serve(ctx, c, out)
	case "migrate":
		return migrateOnly(ctx, c)
	case "publish":
		return publish(ctx, c, args, out)
	case "backup":
		return takeBackup(ctx, c, args, out)
	case "verify":
		return verifyBackup(ctx, c, args, out)
	case "restore":
		return restoreBackup(ctx, c, args, out)
	case "admin":
		return createAdmin(ctx, c, args, in)
	case "sms":
		return printCallbacks(c, out)
	case "audit":
		return auditCommand(ctx, c, args, out)
	case "keys":
		return keysCommand(ctx, c, args, out)
	case "bundle":
		return bundleCommand(ctx, c, args, out)
	case "checkconfig":
		_, err := fmt.Fprintln(out, "the configuration is complete")
		return err
	default:
		return fmt.Errorf("no such command: %s; try help", command)
	}
}
