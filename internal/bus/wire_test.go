package bus_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"fairlead/internal/subject"
)

// resign puts another issuer and its signature into a user's JWT (nats-io/jwt v2: ed25519-nkey).
func resign(w *world, token string, signer nkeys.KeyPair, issuer string) string {
	w.Helper()
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		w.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(raw, &claims); err != nil {
		w.Fatal(err)
	}
	claims["iss"] = issuer
	if raw, err = json.Marshal(claims); err != nil {
		w.Fatal(err)
	}
	body := parts[0] + "." + base64.RawURLEncoding.EncodeToString(raw)
	signature, err := signer.Sign([]byte(body))
	if err != nil {
		w.Fatal(err)
	}
	return body + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// speak lets an agency's user say to the server what no client library would, and returns the answer: all
// that comes until the server closes the connection or answers a ping.
func speak(w *world, m member, words string) string {
	w.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(m.cfg.CertPEM)
	conn, err := tls.Dial("tcp", strings.TrimPrefix(m.cfg.URL, "tls://"), &tls.Config{RootCAs: roots, ServerName: subject.ServerName})
	if err != nil {
		w.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		w.Fatal(err)
	}
	lines := bufio.NewReader(conn)
	hello, err := lines.ReadString('\n')
	var info struct{ Nonce string }
	pair, bad := nkeys.FromSeed(m.cfg.Seed)
	if err := errors.Join(err, bad, json.Unmarshal([]byte(strings.TrimPrefix(hello, "INFO ")), &info)); err != nil {
		w.Fatal(err)
	}
	signature, err := pair.Sign([]byte(info.Nonce))
	if err != nil {
		w.Fatal(err)
	}
	fmt.Fprintf(conn, "CONNECT {\"jwt\":%q,\"sig\":%q,\"protocol\":1,\"lang\":\"go\"}\r\n%sPING\r\n", m.cfg.UserJWT, base64.RawURLEncoding.EncodeToString(signature), words)
	var all strings.Builder
	for {
		line, err := lines.ReadString('\n')
		all.WriteString(line)
		if err != nil || strings.HasPrefix(line, "PONG") {
			return all.String()
		}
	}
}
