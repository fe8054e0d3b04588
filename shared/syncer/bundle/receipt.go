package bundle

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
)

// States of the notes about what a side wrote.
const (
	// Written: it was written whole; whether it arrived is not known.
	Written State = "written"
	// Arrived: the other side's signed receipt is here.
	Arrived State = "arrived"
)

// The lines of a receipt that a reader needs; the rest is for people.
const (
	ReceiptFile    = "File: "
	ReceiptArrived = "Arrived at the cloud: "
	receiptMark    = "Signature of the cloud: "
	// maxReceipt bounds a receipt: a few lines.
	maxReceipt = 16 << 10
)

// ErrReceipt is a receipt that the cloud did not sign, or that says nothing.
var ErrReceipt = errors.New("bundle: the receipt is not the cloud's")

func receiptMessage(text string) []byte { return []byte("uhs-receipt-1\n" + text) }

// SignReceipt ends a receipt's text with the cloud's signature.
func SignReceipt(text string, key ed25519.PrivateKey) string {
	return text + receiptMark + base64.StdEncoding.EncodeToString(ed25519.Sign(key, receiptMessage(text))) + "\n"
}

// Receipt is what a verified receipt says.
type Receipt struct {
	// Bundle is the id of the file that arrived.
	Bundle string
	At     time.Time
	// Text is for people, without the signature.
	Text string
}

// VerifyReceipt reads a receipt that the owner of key signed.
func VerifyReceipt(receipt string, key ed25519.PublicKey) (r Receipt, err error) {
	text, mark, ok := strings.Cut(receipt, receiptMark)
	signature, err := base64.StdEncoding.DecodeString(strings.TrimSpace(mark))
	if !ok || err != nil || len(receipt) > maxReceipt || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, receiptMessage(text), signature) {
		return r, ErrReceipt
	}
	r.Text = text
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if id, ok := strings.CutPrefix(line, ReceiptFile); ok && r.Bundle == "" {
			r.Bundle = id
		}
		if at, ok := strings.CutPrefix(line, ReceiptArrived); ok && r.At.IsZero() {
			if r.At, err = time.Parse(time.RFC3339, at); err != nil {
				return r, ErrReceipt
			}
		}
	}
	if r.Bundle == "" || r.At.IsZero() {
		return r, ErrReceipt
	}
	return r, nil
}

// KeepReceipt notes that a file which was written here has arrived. A receipt of
// another's file changes nothing.
func KeepReceipt(ctx context.Context, tx db.Tx, school, receipt string, key ed25519.PublicKey) error {
	r, err := VerifyReceipt(receipt, key)
	if err != nil {
		return err
	}
	n, ok, err := Find(ctx, tx, Out, r.Bundle)
	if err != nil || !ok || n.School != school {
		return err
	}
	n.State, n.Result.Receipt, n.Result.Arrived = Arrived, r.Text, r.At
	return Save(ctx, tx, Out, n)
}

// List gives the newest notes of a school, newest first.
func List(ctx context.Context, tx db.Tx, way, school string, limit int) ([]Note, error) {
	rows, err := tx.Query(ctx, listBundles, way, school, int64(limit))
	return db.Collect(rows, err, scanNote)
}
