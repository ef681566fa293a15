/* SPDX-License-Identifier: Apache-2.0 */
/* What this process uses, from /proc/self, for the process_* metrics. */
#ifndef PROCESS_H
#define PROCESS_H

#include "exposition.h"

/* Begin with zeros and keep the struct between calls: values that cannot be read stay as they were,
 * and the start time is looked up only while it is 0. */
void process_usage_read(struct process_usage *ret);

#endif
