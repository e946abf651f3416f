//go:build !linux

package app

func (l *leavable) refuse() error { return nil }

func (l *leavable) end() (waits bool) { return false }
