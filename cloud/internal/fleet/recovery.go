package fleet

import (
	"context"
	"encoding/json"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/syncproto"
)

// Recovery tells a box whom it encrypts the copy of its database to. A box that
// stands in the place of earlier ones also gets, sealed to its own key, what
// opens their copies: it can then be restored at the school without the internet.
func (s *Service) Recovery(ctx context.Context, box Appliance) (syncproto.Recovery, error) {
	key, err := s.o.RecoveryKey(identity.SchoolID(box.School))
	if err != nil {
		return syncproto.Recovery{}, err
	}
	out := syncproto.Recovery{Recipient: key.Recipient().String()}
	out.Signature = s.o.Sign(syncproto.RecoveryMessage(box.School, out.Recipient))
	secrets := syncproto.RecoverySecrets{Identity: key.String()}
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, formerNodeKeys, box.School, box.ID)
		secrets.NodeKeys, err = db.Collect(rows, err, db.Scalar[[]byte])
		return err
	})
	if err != nil || len(secrets.NodeKeys) == 0 {
		return out, err
	}
	plain, err := json.Marshal(secrets)
	if err != nil {
		return out, err
	}
	out.Sealed, err = sealTo(box.Recipient, plain)
	return out, err
}
