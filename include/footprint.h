/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stays resident of the program's own file. Must not know what the process does.
 */
#ifndef FOOTPRINT_H
#define FOOTPRINT_H

/* Lets go of all that was read of the program so far, the start's code and data for the most part:
 * what is still needed comes back as it is touched. Costs a few page faults, no memory and no I/O
 * while the file is cached. */
void footprint_forget_start(void);

#endif
