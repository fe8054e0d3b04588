package web

import (
	"context"
	"crypto/subtle"
	"net/http"

	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

type smsReportIn struct {
	Token   string `path:"token" maxLength:"128"`
	RawBody []byte `contentType:"application/x-www-form-urlencoded"`
}

type smsReportOut struct {
	Body struct {
		Status string `json:"status"`
	}
}

// maxSMSReport bounds a report of the gateway; real ones are some hundred bytes.
const maxSMSReport = 16 << 10

var errNoSuchAddress = fault.New(fault.NotFound, "There is nothing at this address.").WithCode("no_such_route")

// MountPost adds what the SMS gateway calls. Its reports are not signed: the
// secret in the address is what proves them.
func MountPost(a *api.API, c *courier.Courier, secret string) {
	mount := func(id, path, summary string, take func(context.Context, []byte) error) {
		api.Register(a, api.Op{ID: id, Method: http.MethodPost, Path: path, Tag: "letters", Public: true, MaxBody: maxSMSReport, Summary: summary},
			func(ctx context.Context, _ identity.Actor, in *smsReportIn) (*smsReportOut, error) {
				if subtle.ConstantTimeCompare([]byte(in.Token), []byte(secret)) != 1 {
					return nil, errNoSuchAddress
				}
				out := &smsReportOut{}
				out.Body.Status = "success"
				return out, take(ctx, in.RawBody)
			})
	}
	mount("sms-delivery-report", "/hk/{token}/d", "The SMS gateway's word on a message it took.", c.OnDelivery)
	mount("sms-incoming", "/hk/{token}/i", "A text message from a phone to our short code.", c.OnIncoming)
}
