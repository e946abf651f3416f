#!/bin/sh
# What gotestsum runs when the tests have ended: tells how many passed, failed and were skipped, also to the file COUNTED, and fails
# unless all passed and there were some.
set -eu
failed=$((TESTS_FAILED + TESTS_ERRORS))
passed=$((TESTS_TOTAL - TESTS_FAILED - TESTS_SKIPPED))
[ "$passed" -ge 0 ] || passed=0 # a package that does not compile fails without a test
echo "$passed passed, $failed failed, $TESTS_SKIPPED skipped" | tee "$COUNTED"
[ "$failed" = 0 ] && [ "$TESTS_SKIPPED" = 0 ] && [ "$passed" -gt 0 ]
