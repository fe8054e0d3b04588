package hub

import (
	"fmt"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// operatorClaims is the root of trust of the hub's own server.
func (k keyring) operatorClaims() (*jwt.OperatorClaims, error) {
	kp, err := k.operator()
	if err != nil {
		return nil, err
	}
	pub, err := kp.PublicKey()
	if err != nil {
		return nil, err
	}
	claims := jwt.NewOperatorClaims(pub)
	claims.Name = "uhs"
	token, err := claims.Encode(kp)
	if err != nil {
		return nil, fmt.Errorf("hub: sign the operator: %w", err)
	}
	return jwt.DecodeOperatorClaims(token)
}

// signAccount gives the token of an account and its decoded form.
func (k keyring) signAccount(claims *jwt.AccountClaims) (string, *jwt.AccountClaims, error) {
	op, err := k.operator()
	if err != nil {
		return "", nil, err
	}
	token, err := claims.Encode(op)
	if err != nil {
		return "", nil, fmt.Errorf("hub: sign account %s: %w", claims.Name, err)
	}
	decoded, err := jwt.DecodeAccountClaims(token)
	return token, decoded, err
}

// schoolClaims is the account of one school. It imports and exports nothing, so
// there is no way out of it. Without an enrolment no appliance may connect.
func (h *Hub) schoolClaims(school string, e *Enrolment) (*jwt.AccountClaims, error) {
	account, err := publicKey(h.keys.account(school))
	if err != nil {
		return nil, err
	}
	claims := jwt.NewAccountClaims(account)
	claims.Name = school
	claims.Limits.Imports, claims.Limits.Exports, claims.Limits.WildcardExports = 0, 0, false
	// Two: the old connection of an appliance may not be known dead when it
	// comes again.
	claims.Limits.LeafNodeConn = 2
	// Two streams of this epoch and, while it changes, two of the last. Disk is
	// limited per stream: a limit of the account would be reserved at once.
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: jwt.NoLimit, Streams: 4, Consumer: 8, MaxBytesRequired: true}
	if e == nil {
		return claims, nil
	}
	signer, err := publicKey(h.keys.signer(*e))
	if err != nil {
		return nil, err
	}
	scope := jwt.NewUserScope()
	scope.Key, scope.Role = signer, "appliance"
	scope.Template.AllowedConnectionTypes = jwt.StringList{jwt.ConnectionTypeLeafnode, jwt.ConnectionTypeLeafnodeWS}
	scope.Template.Permissions = permissions(*e, h.opts.Domain, account)
	claims.SigningKeys.AddScopedSigner(scope)
	return claims, nil
}

// permissions is the least an appliance needs for two mirrors. Everything else,
// the rest of the JetStream API included, finds no responder.
func permissions(e Enrolment, domain, account string) jwt.Permissions {
	up, down, edge := upStream(e.Epoch), downStream(e.Epoch), edgeDomain(e.Appliance)
	var p jwt.Permissions
	p.Pub.Allow.Add(
		upDelivery(e.Epoch),
		"$JSC.R."+edge+".>",
		"$JS."+domain+".API.CONSUMER.RESET."+down+"."+downConsumer,
		"$JS.FC."+domain+"."+accountHash(account)+"."+down+"."+downConsumer+".*",
	)
	p.Sub.Allow.Add(
		"$JS."+edge+".API.CONSUMER.RESET."+up+"."+upConsumer,
		"$JS.FC."+edge+".*."+up+"."+upConsumer+".*",
		downDelivery(e.Epoch),
		"$JSC.R."+domain+".*."+down+"."+downConsumer+".*",
	)
	return p
}

// applianceJWT is what an appliance shows beside its own key. Its rights stand
// in the account, so that a newer hub can change them.
func (h *Hub) applianceJWT(e Enrolment) (string, error) {
	account, err := publicKey(h.keys.account(e.School))
	if err != nil {
		return "", err
	}
	signer, err := h.keys.signer(e)
	if err != nil {
		return "", err
	}
	claims := jwt.NewUserClaims(e.UserKey)
	claims.Name, claims.IssuerAccount = e.Appliance, account
	claims.SetScoped(true)
	token, err := claims.Encode(signer)
	if err != nil {
		return "", fmt.Errorf("hub: sign the user of %s: %w", e.Appliance, err)
	}
	return token, nil
}

// insideUser is the hub's own user in a school's account, good in this process only.
func (h *Hub) insideUser(school string) (token string, user nkeys.KeyPair, err error) {
	account, err := h.keys.account(school)
	if err != nil {
		return "", nil, err
	}
	user, err = h.keys.inside(school)
	if err != nil {
		return "", nil, err
	}
	pub, err := user.PublicKey()
	if err != nil {
		return "", nil, err
	}
	claims := jwt.NewUserClaims(pub)
	claims.Name = "hub"
	claims.AllowedConnectionTypes = jwt.StringList{jwt.ConnectionTypeInProcess, jwt.ConnectionTypeStandard}
	token, err = claims.Encode(account)
	if err != nil {
		return "", nil, fmt.Errorf("hub: sign the inside user of %s: %w", school, err)
	}
	return token, user, nil
}
