package packs_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/catalogue/pack"
)

func TestOffer(t *testing.T) {
	t.Run("a course arrives by hand, without any connection", func(t *testing.T) {
		b := newBox(t)
		l, built := b.edition(1, signer(1))
		b.server.Close()
		b.arrive(l)
		b.until("no connection", hasFailed("no_connection"))

		missing, err := b.Missing(t.Context())
		if err != nil || len(missing) != 1 || !missing[0].Manifest || missing[0].SHA256 != l.ManifestSHA256 {
			t.Fatalf("%+v, %v", missing, err)
		}
		for rounds := 0; len(missing) > 0; rounds++ {
			if rounds > 2 {
				t.Fatalf("still missing %+v", missing)
			}
			for _, p := range missing {
				if err := b.Offer(t.Context(), p.SHA256, bytes.NewReader(b.server.files[p.SHA256])); err != nil {
					t.Fatal(err)
				}
			}
			if missing, err = b.Missing(t.Context()); err != nil {
				t.Fatal(err)
			}
			if rounds == 0 && len(missing) != len(built.Blobs) {
				t.Errorf("%d pieces missing of %d", len(missing), len(built.Blobs))
			}
		}
		b.Wake()
		b.until("installed", isInstalled(1))
	})
	t.Run("other bytes than their name are not kept", func(t *testing.T) {
		b := newBox(t)
		sha := pack.Hash([]byte("good"))
		for _, data := range []string{"", "goo", "goods", strings.Repeat("x", 100_000)} {
			if err := b.Offer(t.Context(), sha, strings.NewReader(data)); !errors.Is(err, pack.ErrCorrupt) {
				t.Errorf("%.9q: %v", data, err)
			}
		}
		if err := b.Offer(t.Context(), "../../x", strings.NewReader("x")); !errors.Is(err, pack.ErrCorrupt) {
			t.Errorf("a path: %v", err)
		}
		if _, here := b.store.Path(sha); here {
			t.Error("it is kept")
		}
		if list, err := b.store.List(); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}
