package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// What trying passwords may cost.
const (
	// tryEvery and tryBurst are how often one may be looked at that is not remembered.
	tryEvery, tryBurst = 500 * time.Millisecond, 8
	// mostRemembered is how many passwords are remembered, of those that are right and of
	// those that are not.
	mostRemembered = 128
	// mostCost is what a hash may cost: 14 takes about a second.
	mostCost = 14
)

// passwords looks at passwords. What it has found is remembered without them.
type passwords struct {
	key [sum]byte
	// looking has room for one.
	looking chan struct{}
	tries   bucket

	mu sync.Mutex
	// right and wrong are remembered apart, so that who tries many does not push out what is
	// right; mu guards both.
	right, wrong map[[sum]byte]bool
}

func newPasswords() *passwords {
	p := &passwords{looking: make(chan struct{}, 1), right: make(map[[sum]byte]bool), wrong: make(map[[sum]byte]bool)}
	_, _ = rand.Read(p.key[:]) // it does not fail
	return p
}

// decide decides about a name and a password. A name that there is not takes as long as one
// that there is.
func (p *passwords) decide(users map[string][]byte, name, password string) Verdict {
	hash, exists := users[name]
	if !exists {
		hash = anyHash(users)
	}
	id := p.id(hash, name, password)
	if verdict, found := p.remembered(id); found {
		return verdict
	}
	select {
	case p.looking <- struct{}{}:
		defer func() { <-p.looking }()
	default:
		return Later
	}
	if !p.tries.take(tryEvery, tryBurst, time.Now()) {
		return Later
	}
	ok := bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil && exists
	p.remember(id, ok)
	if ok {
		return Allowed
	}
	return Denied
}

// anyHash returns the hash of one of the users, always the same as long as they are.
func anyHash(users map[string][]byte) (hash []byte) {
	first := ""
	for name := range users {
		if first == "" || name < first {
			first = name
		}
	}
	return users[first]
}

// id is what a password is remembered by. A hash that changes makes it another one.
func (p *passwords) id(hash []byte, name, password string) (id [sum]byte) {
	mac := hmac.New(sha256.New, p.key[:])
	for _, part := range [][]byte{hash, []byte(name), []byte(password)} {
		length := sha256.Sum256(part)
		_, _ = mac.Write(length[:]) // of one length each, so that no two are alike; it does not fail
	}
	copy(id[:], mac.Sum(nil))
	return id
}

func (p *passwords) remembered(id [sum]byte) (Verdict, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.right[id]:
		return Allowed, true
	case p.wrong[id]:
		return Denied, true
	}
	return Denied, false
}

func (p *passwords) remember(id [sum]byte, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	of := p.wrong
	if ok {
		of = p.right
	}
	if len(of) >= mostRemembered {
		clear(of)
	}
	of[id] = true
}
