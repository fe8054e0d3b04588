package app

import (
	"context"
	"fmt"
	"io"

	"urbanhomeschool.org/uhs/cloud/internal/accounts"
	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/cloud/internal/jobs"
	"urbanhomeschool.org/uhs/cloud/internal/mail"
	"urbanhomeschool.org/uhs/cloud/internal/sms"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// newPost builds the job queue and the courier. Whoever has work for the queue
// adds it in addJobs, before the queue opens.
func (k *core) newPost() error {
	k.jobs = jobs.New(jobs.Options{Pool: k.pool.Pool, Log: k.log})
	o := courier.Options{DB: k.db, Jobs: k.jobs, Clock: k.clock, Log: k.log}
	c := k.config
	if c.MailServer != "" {
		sender, err := mail.New(mail.Config{Addr: c.MailServer, User: c.MailUser, Password: c.MailPassword, From: c.MailFrom, Plain: c.MailPlain})
		if err != nil {
			return err
		}
		o.Mail = sender
	}
	if c.SMSURL != "" {
		o.Text = sms.New(sms.Config{BaseURL: c.SMSURL, Username: c.SMSUser, Key: c.SMSKey, From: c.SMSFrom})
	}
	var err error
	if k.courier, err = courier.New(o); err != nil {
		return err
	}
	if k.smsSecret, err = c.smsAddress(); err != nil {
		return err
	}
	if err := k.addJobs(); err != nil {
		return err
	}
	return k.jobs.Open()
}

// addJobs is where domains give work to the queue (jobs.Work) and listen to text
// messages (k.courier.Listen).
func (k *core) addJobs() error {
	key, err := k.keys.codes()
	if err != nil {
		return err
	}
	k.accounts = accounts.New(accounts.Options{
		DB: k.db, People: k.domains.Identity, Letters: k.courier, Jobs: k.jobs, Clock: k.clock, CodeKey: key, PublicURL: k.config.PublicURL,
		Suspended: func(ctx context.Context, tx db.Tx, account identity.AccountID) error {
			return k.permits.KeepShut(ctx, tx, account)
		},
	})
	k.addPrivacy()
	return nil
}

// smsAddress is the secret part of the gateway's callback addresses.
func (c Config) smsAddress() (string, error) {
	if c.SMSCallback != "" {
		return c.SMSCallback, nil
	}
	return keys{secret: []byte(c.SecretKey)}.sms()
}

// printCallbacks prints the addresses an operator enters at the SMS gateway.
func printCallbacks(c Config, out io.Writer) error {
	secret, err := c.smsAddress()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "delivery reports   %[1]s/hk/%[2]s/d\nincoming messages  %[1]s/hk/%[2]s/i\n", c.PublicURL, secret)
	return err
}
