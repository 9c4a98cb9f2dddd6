/* Which mutant of a model this is; 0 is none: the model itself. */
#ifndef MUTANT
#define MUTANT 0
#endif
