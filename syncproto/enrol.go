package syncproto

// The paths where machines talk before and beside the mirror, and their JSON.
// Additions are allowed, names never change.
const (
	ClaimPath = "/sync/v1/claim"
	EpochPath = "/sync/v1/epoch"
	// RecipientPath gives a box that was claimed before ClaimAnswer had it the
	// cloud's recipient: GET, signed, answers a CloudRecipient.
	RecipientPath = "/sync/v1/recipient"
	// MovedPath takes a MovedReport: POST, signed.
	MovedPath = "/sync/v1/moved"
)

// ClaimRequest makes a fresh box the appliance of a school. The keys are made on
// the box; only their public halves travel.
type ClaimRequest struct {
	Code      string `json:"code"`
	NodeKey   []byte `json:"node_key"`  // Ed25519 public key, 32 bytes
	NATSUser  string `json:"nats_user"` // nkey, "U…"
	Recipient string `json:"recipient"` // age X25519 recipient, "age1…"
	Software  string `json:"software"`
	// School is set by a box that is claimed already: a code of another school is
	// then refused and stays good.
	School string `json:"school,omitempty"`
	// From is the highest epoch the box was ever in, and Epochs are those it still
	// has records of; both empty on a fresh box.
	From   int64   `json:"from,omitempty"`
	Epochs []int64 `json:"epochs,omitempty"`
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
	// Applied is what the cloud has of the request's Epochs.
	Applied History `json:"applied,omitempty"`
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
// boxes that ask, one wins; the other is refused with 409, and its question is
// kept for an admin to decide.
//
// Nonce is made and stored by the box before it asks: the same question again,
// after a lost answer, gets the same epoch.
type EpochRequest struct {
	// From is the highest epoch the box was ever in.
	From   int64  `json:"from"`
	Nonce  string `json:"nonce"`
	Reason string `json:"reason"`
	// Kind is why, in a word: one of the Renewed constants.
	Kind string `json:"kind,omitempty"`
	// Side is set by a box that has left its school's place: it delivers in an
	// epoch beside the school's and must not get the school's again by itself.
	Side bool `json:"side,omitempty"`
	// Epochs are those the box still has records of, From's log included.
	Epochs []int64 `json:"epochs,omitempty"`
	// Waiting is how many records the box has that the cloud has not confirmed, and
	// Oldest the Unix seconds of the oldest of them.
	Waiting int64 `json:"waiting,omitempty"`
	Oldest  int64 `json:"oldest,omitempty"`
}

// Why a box asks for a new epoch.
const (
	RenewedForked   = "logs_forked"   // its log and what was applied contradict each other
	RenewedRestored = "box_restored"  // its database is older than the box knows it was
	RenewedRewound  = "cloud_rewound" // the cloud's database began another life
)

// EpochAnswer is the new epoch and what the cloud has applied of the old ones:
// the appliance finds the last common points in it.
type EpochAnswer struct {
	Epoch int64 `json:"epoch"`
	// Side tells that the epoch is beside the school's: the box delivers its
	// records in it over HTTPS, and NATS is empty.
	Side bool       `json:"side,omitempty"`
	NATS NATSAccess `json:"nats"`
	// Timeline is the life of the cloud's database: under another one than the box
	// knew, what was acknowledged counts no more.
	Timeline string `json:"timeline,omitempty"`
	// History is that of From alone; Applied that of all the request's Epochs.
	History [Lanes][]HistoryMark `json:"history"`
	Applied History              `json:"applied,omitempty"`
}

// MovedReport tells the cloud what a new epoch did to the records of a box, for
// the admin. It is repeated until it is answered.
type MovedReport struct {
	Epoch int64 `json:"epoch"`
	// Resent are the records that were moved into the epoch.
	Resent int64 `json:"resent"`
	// Rewound tells that the cloud had confirmed more than it has.
	Rewound bool `json:"rewound,omitempty"`
	// Missing are records that the cloud has and this box had lost.
	Missing int64 `json:"missing"`
	// Gone are records that the cloud lost and this box no longer keeps.
	Gone []GoneRange `json:"gone,omitempty"`
}

// GoneRange is a run of positions of one log that nobody has any more.
type GoneRange struct {
	Epoch int64 `json:"epoch"`
	Lane  Lane  `json:"lane"`
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// HistoryMark is a Mark in JSON.
type HistoryMark struct {
	Seq   int64  `json:"seq"`
	Chain []byte `json:"chain"`
}

// History is, per epoch and lane, the ends of the frames that the cloud has
// applied, newest first.
type History map[int64][Lanes][]HistoryMark

// Marks gives the history of one epoch in the form the syncer uses.
func (h History) Marks(epoch int64) [Lanes][]Mark { return marksOf(h[epoch]) }

// HistoryOf puts marks into JSON.
func HistoryOf(in [Lanes][]Mark) (out [Lanes][]HistoryMark) {
	for l, marks := range in {
		for _, m := range marks {
			out[l] = append(out[l], HistoryMark{Seq: m.Seq, Chain: m.Chain[:]})
		}
	}
	return out
}

func marksOf(in [Lanes][]HistoryMark) (out [Lanes][]Mark) {
	for l, marks := range in {
		for _, m := range marks {
			out[l] = append(out[l], Mark{m.Seq, HashOf(m.Chain)})
		}
	}
	return out
}
