package loopsim

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A delivery takes one answer to the client, through the fault that struck the request, if any.
type delivery struct {
	sim     *Simulator
	w       http.ResponseWriter
	r       *http.Request
	fault   *Fault
	status  func(int)     // records the status, before the first byte
	leave   func()        // ends the request in the in-flight count, before the last byte
	process func() answer // called once at most
}

func (d *delivery) run() {
	select {
	case <-d.sim.closed:
		d.cut()
		return
	default:
	}
	f := d.fault
	if f == nil {
		d.send(d.process())
		return
	}
	if f.After {
		processed := d.process()
		d.process = func() answer { return processed }
	}
	if f.Kind != FaultDribble && f.Latency > 0 && !d.wait(f.Latency) {
		d.cut()
		return
	}
	switch f.Kind {
	case FaultLatency:
		d.send(d.process())
	case FaultHang:
		select {
		case <-d.r.Context().Done():
		case <-d.sim.closed:
		}
		d.cut()
	case FaultCutBefore:
		d.cut()
	case FaultCutAfter:
		d.process()
		d.cut()
	case FaultTruncated:
		a := d.process()
		d.half(a, max(2, len(a.body)))
	case FaultTruncatedChunked:
		d.half(d.process(), -1)
	case FaultDribble:
		d.dribble(d.process())
	case FaultOversize:
		d.oversize()
	default:
		d.send(d.made())
	}
}

// made is the answer of a fault that replaces Loop's.
func (d *delivery) made() answer {
	f := d.fault
	message := f.Message
	var a answer
	switch f.Kind {
	case FaultErrorIn200:
		if message == "" {
			message = "Import refusé par le simulateur."
		}
		a = d.sim.refusalAnswer(message)
	case FaultHTML:
		a = answer{status: f.Status, contentType: "text/html; charset=utf-8", body: []byte(htmlPage)}
	case FaultNonsense:
		a = jsonAnswer(f.Status, []byte(`{"objectId": ]`))
	default:
		a = d.statusAnswer(message)
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if f.Body != "" {
		a.body = []byte(f.Body)
	}
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		a.body, a.contentType = nil, ""
	}
	a.header = f.headers(a.status)
	return a
}

const htmlPage = "<!DOCTYPE html>\n<html lang=\"fr\"><head><title>Service indisponible</title></head>" +
	"<body><h1>Service indisponible</h1><p>Merci de réessayer plus tard.</p></body></html>\n"

func (d *delivery) statusAnswer(message string) answer {
	f := d.fault
	form := f.Form
	if form == "" {
		switch f.Status {
		case http.StatusBadRequest, http.StatusForbidden, http.StatusInternalServerError: // C 3.2
			form = FormService
		default:
			form = FormGateway
		}
		if f.Status < 400 {
			form = FormEmpty
		}
	}
	switch form {
	case FormService:
		code := f.Code
		if code == "" {
			code = codeFault
		}
		if message == "" {
			message = "Erreur provoquée par le simulateur."
		}
		return d.sim.serviceAnswer(f.Status, code, message)
	case FormGateway:
		if message == "" {
			message = gatewayMessage(f.Status)
		}
		return gatewayAnswer(f.Status, message)
	default:
		a := answer{status: f.Status}
		if f.Body != "" {
			a.contentType = jsonType
		}
		return a
	}
}

func (f *Fault) headers(status int) http.Header {
	h := make(http.Header)
	if f.RetryAfter > 0 {
		if f.RetryAfterDate {
			// A date has whole seconds: rounded up, so that the wait is never shorter than asked.
			at := time.Now().Add(f.RetryAfter + time.Second - time.Nanosecond)
			h.Set("Retry-After", at.UTC().Format(http.TimeFormat))
		} else {
			h.Set("Retry-After", strconv.FormatInt(int64((f.RetryAfter+time.Second-1)/time.Second), 10))
		}
	}
	if status >= 300 && status <= 399 && status != http.StatusNotModified {
		h.Set("Location", defaultLocation)
		if f.Location != "" {
			h.Set("Location", f.Location)
		}
	}
	for name, value := range f.Header {
		h.Set(name, value)
	}
	return h
}

func (d *delivery) send(a answer) {
	d.status(a.status)
	d.leave()
	deliver(d.w, a)
}

// half sends half of an answer and cuts; length is what is announced, negative for chunks.
func (d *delivery) half(a answer, length int) {
	d.status(a.status)
	writeHead(d.w, a, length)
	_, _ = d.w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(d.w).Flush()
	d.cut()
}

func (d *delivery) dribble(a answer) {
	pieces, pause := d.fault.Pieces, d.fault.Latency
	if pieces == 0 {
		pieces = dribblePieces
	}
	if pause == 0 {
		pause = dribblePause
	}
	d.status(a.status)
	writeHead(d.w, a, len(a.body))
	flusher := http.NewResponseController(d.w)
	_ = flusher.Flush()
	for i := range pieces {
		if !d.wait(pause) {
			d.cut()
			return
		}
		if i == pieces-1 {
			d.leave()
		}
		_, _ = d.w.Write(a.body[i*len(a.body)/pieces : (i+1)*len(a.body)/pieces])
		_ = flusher.Flush()
	}
}

func (d *delivery) oversize() {
	filler := []byte(`,{"objectId":null,"libelle":"` + strings.Repeat("remplissage ", 5000) + `"}`)
	d.status(http.StatusOK)
	writeHead(d.w, answer{status: http.StatusOK, contentType: jsonType}, -1)
	_, err := d.w.Write(append([]byte{'['}, filler[1:]...))
	for sent := len(filler); sent <= oversize && err == nil; sent += len(filler) {
		select {
		case <-d.sim.closed:
			d.cut()
			return
		default:
		}
		_, err = d.w.Write(filler)
	}
	d.leave()
	_, _ = d.w.Write([]byte("]"))
}

// wait reports whether the pause went by with the client still there.
func (d *delivery) wait(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-d.r.Context().Done():
		return false
	case <-d.sim.closed:
		return false
	}
}

// cut ends the connection with nothing more sent. Where it cannot be taken over, as in HTTP/2, net/http is told to abort.
func (d *delivery) cut() {
	d.leave()
	conn, _, err := http.NewResponseController(d.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = conn.Close()
}
