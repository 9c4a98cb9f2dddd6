/*
 * Nothing is wrong with this one. It must pass; otherwise failures of the other subjects prove
 * nothing.
 */
#include "subject.h"

SUBJECT("sound", SOUND_PROMISES);
