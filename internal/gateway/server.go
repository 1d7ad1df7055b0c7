package gateway

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Server is an HTTP server with bounds on what a reader may take of it. Requests end with ctx, so that
// streams do not keep a program from stopping.
func Server(ctx context.Context, h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10, BaseContext: func(net.Listener) context.Context { return ctx },
	}
}
