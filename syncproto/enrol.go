package syncproto

// The paths where machines talk before and beside the mirror, and their JSON.
// Additions are allowed, names never change.
const (
	ClaimPath = "/sync/v1/claim"
	EpochPath = "/sync/v1/epoch"
	// RecipientPath gives a box that was claimed before ClaimAnswer had it the
	// cloud's recipient: GET, signed, answers a CloudRecipient.
	RecipientPath = "/sync/v1/recipient"
)

// ClaimRequest makes a fresh box the appliance of a school. The keys are made on
// the box; only their public halves travel.
type ClaimRequest struct {
	Code      string `json:"code"`
	NodeKey   []byte `json:"node_key"`  // Ed25519 public key, 32 bytes
	NATSUser  string `json:"nats_user"` // nkey, "U…"
	Recipient string `json:"recipient"` // age X25519 recipient, "age1…"
	Software  string `json:"software"`
}

// ClaimAnswer is what a claimed box needs for its life.
type ClaimAnswer struct {
	SchoolID    string `json:"school_id"`
	SchoolName  string `json:"school_name"`
	ApplianceID string `json:"appliance_id"`
	Epoch       int64  `json:"epoch"`
	Timeline    string `json:"timeline"`
	CloudKey    []byte `json:"cloud_key"` // Ed25519 public key that signs packs
	// CloudRecipient is the age X25519 recipient for what only the cloud may
	// open: bundles. Empty from an older cloud.
	CloudRecipient string     `json:"cloud_recipient,omitempty"`
	NATS           NATSAccess `json:"nats"`
	// Sealed is age-encrypted to the box's recipient: a SealedSecrets as JSON.
	Sealed []byte `json:"sealed"`
	// Recovery is about the copy on a second medium; empty from an older cloud.
	Recovery Recovery `json:"recovery,omitzero"`
}

// CloudRecipient is the age X25519 recipient for what only the cloud may open.
// Signature is the cloud key's, over RecipientMessage: the box pinned that key
// when it was claimed.
type CloudRecipient struct {
	Recipient string `json:"recipient"`
	Signature []byte `json:"signature"`
}

// RecipientMessage is what the cloud signs of its recipient.
func RecipientMessage(recipient string) []byte { return []byte("uhs-recipient-1\n" + recipient) }

// SealedSecrets never travel in the clear.
type SealedSecrets struct {
	// Pepper of the school's sign-in verifiers.
	Pepper []byte `json:"pepper"`
}

// NATSAccess is how the box joins its school's account; good for one epoch.
type NATSAccess struct {
	LeafURL    string `json:"leaf_url"`
	CAPEM      string `json:"ca_pem"`
	AccountKey string `json:"account_key"`
	UserJWT    string `json:"user_jwt"`
	HubDomain  string `json:"hub_domain"`
	EdgeDomain string `json:"edge_domain"`
}

// EpochRequest asks for the epoch after From; the node key signs it. Of two
// boxes that ask, one wins; the other is refused with 409.
//
// Nonce is made and stored by the box before it asks: the same question again,
// after a lost answer, gets the same epoch.
type EpochRequest struct {
	From   int64  `json:"from"`
	Nonce  string `json:"nonce"`
	Reason string `json:"reason"`
}

// EpochAnswer is the new epoch and, per lane, the ends of the frames that the
// cloud has applied of the old one, newest first: the appliance finds the last
// common point in it.
type EpochAnswer struct {
	Epoch   int64                `json:"epoch"`
	NATS    NATSAccess           `json:"nats"`
	History [Lanes][]HistoryMark `json:"history"`
}

// HistoryMark is a Mark in JSON.
type HistoryMark struct {
	Seq   int64  `json:"seq"`
	Chain []byte `json:"chain"`
}

// Marks gives the history in the form the syncer uses.
func (a EpochAnswer) Marks() (out [Lanes][]Mark) {
	for l, marks := range a.History {
		for _, m := range marks {
			out[l] = append(out[l], Mark{m.Seq, HashOf(m.Chain)})
		}
	}
	return out
}
