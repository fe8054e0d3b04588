package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	money "urbanhomeschool.org/uhs/cloud/internal/payments"
	"urbanhomeschool.org/uhs/cloud/internal/web"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/door"
	site "urbanhomeschool.org/uhs/shared/web"
)

// behindOneAddress is how many times the general limit an address has: a class whose
// phones load the page, ask how things stand and sign in, behind one NAT.
const behindOneAddress = 3

// routes mounts everything the cloud serves. Learning comes before the
// catalogue: its /courses/my-enrollments must win over /courses/{course_id}.
func (k *core) routes() *api.API {
	proxies, _ := api.ParseProxies(k.config.TrustedProxies) // check has read them
	a := api.New(api.Options{
		Name: "Urban Home School", Version: Version, Environment: k.config.Environment, Verify: k.domains.Identity.Verify, Log: k.log, Audit: k.domains.Audit,
		Powers: k.powers, Mishaps: k.mishaps,
		Healthy: func(ctx context.Context) error { return k.pool.Pool.Ping(ctx) },
		Limits:  api.Limits{Clock: k.clock, Factor: k.config.LimitFactor, Crowd: behindOneAddress}, Proxies: proxies, Origins: k.config.Origins,
		HSTS: true,
	})
	api.MountSync(a, func(context.Context) (api.SyncStatus, error) {
		return api.SyncStatus{Side: "cloud", Claimed: true, Link: "up", Version: Version, Now: k.clock.Now()}, nil
	})
	api.MountIdentity(a, k.domains.Identity)
	api.MountIdentityCloud(a, k.domains.Identity, k.accounts)
	api.MountRoster(a, k.domains.Roster)
	api.MountFamily(a, k.domains.Identity, k.domains.Roster)
	codes := door.New(door.Options{DB: k.db, Clock: k.clock, People: k.domains.Identity, Pepper: k.keys.pepper})
	api.MountCards(a, k.domains.Identity, codes)
	web.MountSchoolCode(a, codes)
	api.MountPowers(a)
	api.MountSchoolAudit(a, k.domains.Audit, k.domains.Identity.NamesOf)
	web.MountAdmin(a, web.Office{People: k.domains.Identity, Permits: k.permits, Audit: k.domains.Audit, Mishaps: k.mishaps})
	web.MountAccounts(a, k.accounts)
	web.MountApplications(a, k.accounts)
	api.MountConsent(a, k.domains.Consent)
	api.MountPersonal(a, k.domains.Personal, k.domains.Identity)
	web.MountErasures(a, k.domains.Personal, k.domains.Identity)
	web.MountConsent(a, k.privacy)
	api.MountLearning(a, k.domains.Learning)
	api.MountAssessment(a, k.domains.Assessment)
	api.MountCatalogue(a, k.domains.Catalogue, k.clock.Now)
	api.MountMedia(a, k.store)
	api.MountTutor(a, k.domains.Tutor)
	api.MountPayments(a, k.domains.Payments)
	money.Mount(a, k.money, k.domains.Payments)
	web.MountSchools(a, k.domains.Identity, k.fleet)
	web.MountFleet(a, k.fleet)
	web.MountLicences(a, k.packs)
	web.MountLine(a, k.fleet)
	web.MountMachines(a, k.fleet)
	web.MountSecondFactor(a, k.factor)
	web.MountCarry(a, k.bundles)
	web.MountPost(a, k.courier, k.smsSecret)
	api.MountPacks(a, k.store, web.Signed(k.fleet))
	reg := prometheus.NewRegistry()
	k.measure(reg)
	api.MountMetrics(a, reg)
	a.MountSite(site.FS)
	return a
}

// measure adds the figures of the fleet to /metrics.
func (k *core) measure(reg *prometheus.Registry) {
	reg.MustRegister(&fleetFigures{read: k.fleet.Overview})
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "uhs_backup_verified_age_seconds",
		Help: "How long ago the newest verified backup was taken; +Inf when there is none."}, k.backupAge))
}
