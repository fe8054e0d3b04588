package web

import (
	"context"

	"urbanhomeschool.org/uhs/edge/internal/bundles"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/identity"
)

// MountCarry lets a teacher take the school's work along on a phone, and anybody
// bring back what the cloud wrote for this school. handOver is the address of
// the cloud's page, for the person.
func MountCarry(a *api.API, s *bundles.Service, handOver func() string) {
	api.MountCarry(a, func(ctx context.Context, who identity.Actor) (api.CarryFile, error) {
		f, err := s.Carry(ctx, who)
		if err != nil {
			return api.CarryFile{}, err
		}
		return api.CarryFile{URL: "/carry/file/" + f.Secret, Name: f.Name, Size: f.Size, Records: f.Records, MadeAt: f.At, HandOverURL: handOver()}, nil
	}, s.OpenCarried)
	api.MountCarried(a, s.History)
	api.MountHandOver(a, s.Desk(), nil)
}
