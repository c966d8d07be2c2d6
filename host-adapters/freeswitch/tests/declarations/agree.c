/*
 * Compiled against a real FreeSWITCH: does what we declared of it agree? A
 * function that differs, or a constant, is an error of the compiler.
 */
#include <switch.h>

#ifdef CALLPRINT_TESTS_SWITCH_H
#error "this compares with FreeSWITCH's own switch.h, not with ours"
#endif

#include "functions.h"

#define CONSTANT(name, value) _Static_assert((int)(name) == (value), #name);
#include "constants.h"
