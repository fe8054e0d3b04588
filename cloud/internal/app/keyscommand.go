package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// keysCommand lists the keys that sign people's tokens, or ends one that got
// into wrong hands. A running cloud takes the new key up within a minute; until
// then its fresh tokens are refused and browsers ask again.
func keysCommand(ctx context.Context, c Config, args []string, out io.Writer) error {
	k, err := open(ctx, c, io.Discard)
	if err != nil {
		return err
	}
	defer k.pool.Close()
	switch {
	case len(args) == 2 && args[0] == "revoke":
		if err := k.domains.Identity.RevokeKey(ctx, args[1]); err != nil {
			return err
		}
	case len(args) == 1 && args[0] == "reseal":
		// open has sealed the signing keys anew already.
		n, err := k.factor.Reseal(ctx)
		if err != nil {
			return err
		}
		fields, err := k.sealAnew(ctx)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "%d second factors and %d fields are sealed anew; older keys can be taken out of SEAL_KEYS\n", n, fields)
	case len(args) != 0:
		return errors.New("usage: uhs-cloud keys [revoke KEY | reseal]")
	}

	list, err := k.domains.Identity.SigningKeys(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "KEY\tMADE\tSIGNS FROM\t")
	for _, key := range list {
		state := ""
		if key.Signs {
			state = "signs now"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", key.ID, key.CreatedAt.Format(time.DateOnly), key.StartsAt.Format(time.DateOnly), state)
	}
	return w.Flush()
}
