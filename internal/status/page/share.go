package page

import (
	"context"
	"sync"
	"time"
)

const (
	// maxShared is how many answers are kept that may be asked for again at once, and freshFor
	// how long one of freshBytes is; a larger one as many times longer, up to maxFresh. What is
	// small serves only those who asked before it was begun, so that who has just seen something
	// happen sees it here, too.
	maxShared  = 8
	freshFor   = 100 * time.Millisecond
	freshBytes = 64 << 10
	maxFresh   = 5 * time.Second
	// maxHeld bounds the size of all answers that are kept or that somebody still reads, in
	// bytes, unless it is one alone: that of large ones, and apart from it that of those of less
	// than freshBytes, so that who reads a large one slowly is in nobody's way who wants a
	// small one.
	maxHeld = 4 << 20
	// maxWaiting is how many requests wait for an answer at a time.
	maxWaiting = 64
)

// answer is what was made for a request. Its body does not change.
type answer struct {
	body []byte
	kind string
	code int
	// began is when it was begun, and until how long it serves those who ask later.
	began, until time.Time
	holders      int // its readers, and one where it is kept; guarded by the share's mu
}

func (a *answer) large() bool { return len(a.body) >= freshBytes }

// share keeps answers for those who ask for the same at about the same time.
type share struct {
	// making has an element while somebody makes an answer: one is made at a time.
	making chan struct{}

	mu      sync.Mutex // guards the fields below
	waiting int
	kept    map[string]*answer
	// size is that of the newest answer of each page.
	size map[string]int
	// small and large are the sizes of all answers that have holders.
	small, large int
}

func newShare() share {
	return share{making: make(chan struct{}, 1), kept: make(map[string]*answer), size: make(map[string]int)}
}

// take returns the answer that a page gives to a key, made if need be. Whoever is done with it
// gives it back. It is nil where too much is being read, or too many wait, or ctx is done.
func (s *share) take(ctx context.Context, page, key string, answerIt func() *answer) *answer {
	asked := time.Now()
	if a, found := s.find(key, asked); found {
		return a
	}
	if !s.wait() {
		return nil
	}
	defer s.waited()
	select {
	case s.making <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	defer func() { <-s.making }()
	if a, found := s.find(key, asked); found {
		return a
	}
	if ctx.Err() != nil || !s.hasRoom(page) {
		return nil
	}
	began := time.Now()
	a := answerIt()
	a.began, a.until = began, began.Add(min(time.Duration(len(a.body)/freshBytes)*freshFor, maxFresh))
	return s.add(page, key, a)
}

// wait notes that a request waits, and reports whether it may.
func (s *share) wait() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting >= maxWaiting {
		return false
	}
	s.waiting++
	return true
}

func (s *share) waited() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
}

// find returns an answer that is kept and was begun since it was asked for, or is fresh.
func (s *share) find(key string, asked time.Time) (*answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.kept[key]
	if a == nil || !a.began.After(asked) && !time.Now().Before(a.until) {
		return nil, false
	}
	a.holders++ // it is kept, and so counted
	return a, true
}

// hasRoom reports whether there is room for the answer of a page, if that is as large as the one
// before. To make what cannot be given away would help nobody.
func (s *share) hasRoom(page string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.makeRoom(s.size[page])
}

// add keeps an answer, and lends it to whoever made it; nil where there is no room for it.
func (s *share) add(page, key string, a *answer) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size[page] = len(a.body)
	s.drop(key) // the new one is better
	if len(s.kept) >= maxShared {
		s.drop(s.oldest())
	}
	if !s.makeRoom(len(a.body)) {
		return nil
	}
	s.kept[key] = a
	a.holders = 2
	*s.held(a.large()) += len(a.body)
	return a
}

// makeRoom lets answers go that are kept and that nobody reads until there is room for one of a
// size, and reports whether there is. mu is held.
func (s *share) makeRoom(size int) bool {
	large := size >= freshBytes
	held := s.held(large)
	for key, a := range s.kept {
		if *held == 0 || *held+size <= maxHeld {
			break
		}
		if a.large() == large && a.holders == 1 {
			s.drop(key)
		}
	}
	return *held == 0 || *held+size <= maxHeld
}

// held is the size of all answers that are large, or of all that are not. mu is held.
func (s *share) held(large bool) *int {
	if large {
		return &s.large
	}
	return &s.small
}

// oldest is the key of the answer that was begun first. mu is held.
func (s *share) oldest() (key string) {
	for of, a := range s.kept {
		if key == "" || a.began.Before(s.kept[key].began) {
			key = of
		}
	}
	return key
}

// drop keeps an answer no longer. mu is held.
func (s *share) drop(key string) {
	if a := s.kept[key]; a != nil {
		delete(s.kept, key)
		s.release(a)
	}
}

// release is for a holder who has done with an answer. mu is held.
func (s *share) release(a *answer) {
	if a.holders--; a.holders == 0 {
		*s.held(a.large()) -= len(a.body)
	}
}

// forget lets go of what nobody gets any more.
func (s *share) forget(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, a := range s.kept {
		if s.waiting == 0 && !now.Before(a.until) {
			s.drop(key)
		}
	}
}

func (s *share) giveBack(a *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(a)
}
