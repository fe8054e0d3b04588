package syncproto

// RecoveryPath gives a box its school's Recovery: GET, signed.
const RecoveryPath = "/sync/v1/recovery"

// Recovery is about the encrypted copy that a box keeps of its database: to whom
// it is encrypted, and for a box that takes another one's place, what opens it.
type Recovery struct {
	// Recipient is the school's age X25519 recipient; the cloud derives its
	// identity and gives it to replacements only.
	Recipient string `json:"recipient"`
	// Signature is the cloud key's, over RecoveryMessage.
	Signature []byte `json:"signature"`
	// Sealed is age-encrypted to the box's own recipient: RecoverySecrets as JSON.
	// Empty for a school's first box.
	Sealed []byte `json:"sealed,omitempty"`
}

// RecoverySecrets open the copies of a school's earlier boxes.
type RecoverySecrets struct {
	Identity string `json:"identity"`
	// NodeKeys are the public node keys of the school's earlier boxes: a copy that
	// none of them signed is not theirs.
	NodeKeys [][]byte `json:"node_keys"`
}

// RecoveryMessage is what the cloud signs of a school's recovery recipient.
func RecoveryMessage(school, recipient string) []byte {
	return []byte("uhs-recovery-1\n" + school + "\n" + recipient)
}
