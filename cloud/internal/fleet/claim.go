package fleet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"
	"github.com/nats-io/nkeys"

	"urbanhomeschool.org/uhs/cloud/internal/hub"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/syncproto"
)

// ClaimCode is shown once, to the admin who asked for it.
type ClaimCode struct {
	Code      string    `json:"code"`
	ExpiresAt time.Time `json:"expires_at"`
}

// NewClaimCode makes a one-time code for a box of the school; admins only.
func (s *Service) NewClaimCode(ctx context.Context, who identity.Actor, school identity.SchoolID) (ClaimCode, error) {
	if err := who.Require(identity.Admin); err != nil {
		return ClaimCode{}, err
	}
	raw := id.Code(12) // 60 bits: not to be guessed in its two weeks
	now := s.o.Clock.Now()
	c := ClaimCode{Code: raw[:4] + "-" + raw[4:8] + "-" + raw[8:], ExpiresAt: now.Add(codeLife)}
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		if _, err := schoolName(ctx, tx, selectSchoolName, string(school)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insertCode, hashCode(c.Code), string(school), string(who.Account), now, c.ExpiresAt)
		return err
	})
	return c, err
}

// hashCode forgives case, spaces, dashes and the letters Crockford's alphabet
// leaves out.
func hashCode(code string) []byte {
	sum := sha256.Sum256([]byte("uhs-claim\n" + id.Typed(code)))
	return sum[:]
}

// Claim makes the box that asks the appliance of the code's school. The code is
// used up in the same transaction as the epoch is issued.
func (s *Service) Claim(ctx context.Context, in syncproto.ClaimRequest) (syncproto.ClaimAnswer, error) {
	if err := validClaim(in); err != nil {
		return syncproto.ClaimAnswer{}, err
	}
	out := syncproto.ClaimAnswer{ApplianceID: id.New(), Timeline: s.o.Timeline, CloudKey: s.o.CloudKey, CloudRecipient: s.o.Recipient.Recipient}
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		c, err := s.lockCode(ctx, tx, in.Code)
		if err != nil {
			return err
		}
		school := c.school
		out.SchoolID = school
		if in.School != "" && in.School != school {
			return ErrOtherSchool
		}
		if out.SchoolName, err = schoolName(ctx, tx, lockSchool, school); err != nil {
			return err
		}
		if out.Applied, err = appliedOf(ctx, tx, school, in.Epochs); err != nil {
			return err
		}
		if !c.used.IsZero() {
			return s.claimAgain(ctx, tx, c, in, &out)
		}
		if _, err := tx.Exec(ctx, lockEpoch, school); err != nil { // as those who renew do
			return err
		}
		if _, err := tx.Exec(ctx, markCode, hashCode(in.Code), s.o.Clock.Now(), out.ApplianceID); err != nil {
			return err
		}
		if err := s.replaceActive(ctx, tx, school, out.ApplianceID, hashCode(in.Code)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertAppliance, out.ApplianceID, school, in.NodeKey, in.NATSUser, in.Recipient, in.Software, s.o.Clock.Now()); err != nil {
			return err
		}
		if out.Epoch, err = s.issueEpoch(ctx, tx, school, out.ApplianceID, because{reason: "claimed", from: in.From}); err != nil {
			return err
		}
		return s.o.Claimed(ctx, tx, school, in.Recipient)
	})
	if err != nil {
		return syncproto.ClaimAnswer{}, err
	}
	if out.NATS, err = s.enrol(ctx, out.SchoolID, out.ApplianceID, out.Epoch, in.NATSUser); err != nil {
		return out, err
	}
	if out.Recovery, err = s.Recovery(ctx, Appliance{ID: out.ApplianceID, School: out.SchoolID, Recipient: in.Recipient}); err != nil {
		return out, err
	}
	out.Sealed, err = s.seal(out.SchoolID, in.Recipient)
	return out, err
}

func validClaim(in syncproto.ClaimRequest) error {
	bad := fault.New(fault.Invalid, "The box's keys are not valid.").WithCode("claim_keys")
	if len(in.NodeKey) != ed25519.PublicKeySize {
		return bad.At("want 32 bytes", "node_key")
	}
	if !nkeys.IsValidPublicUserKey(in.NATSUser) {
		return bad.At("want a public user nkey", "nats_user")
	}
	if _, err := age.ParseX25519Recipient(in.Recipient); err != nil {
		return bad.At("want an age X25519 recipient", "recipient")
	}
	if in.From < 0 || in.From >= maxEpoch {
		return bad.At("no such epoch", "from")
	}
	return nil
}

// lockCode finds the code and locks its row, so that of two boxes with one code
// one is told that it is used.
func (s *Service) lockCode(ctx context.Context, tx db.Tx, code string) (claimCode, error) {
	rows, err := tx.Query(ctx, lockCode, hashCode(code))
	c, err := db.One(rows, err, scanCode)
	switch {
	case errors.Is(err, db.ErrNoRows):
		return c, ErrUnknownCode
	case err != nil:
		return c, err
	case c.used.IsZero() && c.expires.Before(s.o.Clock.Now()):
		return c, ErrExpiredCode
	}
	return c, nil
}

// claimAgain answers a box that asks again because the first answer was lost:
// the same code and the same keys get the same appliance. Anybody else is told
// that the code is used.
func (s *Service) claimAgain(ctx context.Context, tx db.Tx, c claimCode, in syncproto.ClaimRequest, out *syncproto.ClaimAnswer) error {
	rows, err := tx.Query(ctx, selectAppliance, c.usedBy)
	box, err := db.One(rows, err, scanAppliance)
	if errors.Is(err, db.ErrNoRows) {
		return ErrUsedCode
	}
	if err != nil {
		return err
	}
	if box.Status != "active" || !box.NodeKey.Equal(ed25519.PublicKey(in.NodeKey)) || box.NATSUser != in.NATSUser || box.Recipient != in.Recipient {
		return ErrUsedCode
	}
	out.ApplianceID, out.Epoch = box.ID, box.Epoch
	return nil
}

// seal encrypts the school's secrets to the box.
func (s *Service) seal(school, recipient string) ([]byte, error) {
	pepper, err := s.o.Pepper(identity.SchoolID(school))
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(syncproto.SealedSecrets{Pepper: pepper})
	if err != nil {
		return nil, err
	}
	return sealTo(recipient, plain)
}

// sealTo encrypts to a box.
func sealTo(recipient string, plain []byte) ([]byte, error) {
	to, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if _, err := io.Copy(w, bytes.NewReader(plain)); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if err := w.Close(); err != nil { // writes the last chunk
		return nil, fmt.Errorf("seal: %w", err)
	}
	return out.Bytes(), nil
}

func (s *Service) enrol(ctx context.Context, school, appliance string, epoch int64, user string) (syncproto.NATSAccess, error) {
	c, err := s.o.Mirrors.Enrol(ctx, hub.Enrolment{School: school, Appliance: appliance, Epoch: epoch, UserKey: user})
	if err != nil {
		return syncproto.NATSAccess{}, fmt.Errorf("enrol at the hub: %w", err)
	}
	return syncproto.NATSAccess{LeafURL: c.LeafURL, CAPEM: c.CAPEM, AccountKey: c.AccountKey, UserJWT: c.UserJWT, HubDomain: c.Domain, EdgeDomain: c.EdgeDomain}, nil
}
