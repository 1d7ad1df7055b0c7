package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"fairlead/internal/fairlead"
	"fairlead/internal/subject"
)

// ErrRenew says that the hub gives no new credentials to this agency.
var ErrRenew = errors.New("bus: credentials are not renewed")

// Renewals answers agencies that ask for their next credentials. The account is certain, as with a
// Submission; an error is answered with nothing.
func (h *Hub) Renewals(answer func(fairlead.Account) ([]byte, error)) error {
	_, err := h.nc.QueueSubscribe(subject.Renewals, brokers, func(m *nats.Msg) {
		account, err := subject.ParseRenew(m.Subject)
		if err != nil {
			return // the server lets nothing of this form in
		}
		next, err := answer(account)
		if err != nil {
			next = nil
		}
		_ = m.Respond(next) // who does not hear asks again
	})
	return err
}

// Renew asks the hub for the next credentials.
func (a *Agency) Renew(ctx context.Context) ([]byte, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	m, err := a.nc.RequestWithContext(ctx, subject.Renew(a.account), nil)
	if err != nil {
		return nil, fmt.Errorf("renew: %w", absent(err))
	}
	if len(m.Data) == 0 {
		return nil, fmt.Errorf("%w: ask the hub's operator", ErrRenew)
	}
	return m.Data, nil
}

// Use makes every later connection show another JWT of the same user; the present one stays as it is.
func (a *Agency) Use(userJWT string) { a.who.jwt.Store(&userJWT) }
