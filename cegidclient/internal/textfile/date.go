package textfile

import (
	"strconv"
	"time"
)

// Date is a civil day as the number YYYYMMDD, which sorts; 0 is none.
type Date int32

// String writes YYYY-MM-DD, or nothing for none.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	b := strconv.AppendInt(make([]byte, 0, 16), int64(d)+100_000_000, 10) // a digit in front, for leading zeros
	return string(b[1:5]) + "-" + string(b[5:7]) + "-" + string(b[7:])
}

// Days counts from a fixed day.
func (d Date) Days() int {
	return int(time.Date(int(d/10000), time.Month(d/100%100), int(d%100), 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

var monthDays = [13]int32{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// Real tells whether there is such a day.
func Real(year, month, day int32) bool {
	if month < 1 || month > 12 || day < 1 || day > monthDays[month] {
		return false
	}
	return month != 2 || day < 29 || year%4 == 0 && (year%100 != 0 || year%400 == 0)
}
