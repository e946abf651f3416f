//go:build !linux

package app

func (l *leavable) end() (waits bool) { return false }
