/* What C++ code needs to run where there is no C++ library. (Itanium C++ ABI, 3.2.6 and 3.3.5) */
#pragma once

/* Run the constructors of global objects, if nobody has yet. One core. */
void cxx_run_constructors(void);
