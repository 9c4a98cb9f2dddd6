/* Nothing is wrong with this one: it must pass, or what the others show is not their own fault. */
#include "subject.h"

SUBJECT("sound", SOUND_PROMISES);
