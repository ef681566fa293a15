/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether our programs are where the peers are: carries words between the core and the loader, and
 * says in the log how things stand. Decides nothing.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "agent_state.h"
#include "log.h"

static const char *describe(const struct word_direction *direction, bool attached,
			    const char *otherwise)
{
	if (attached)
		return "attached";
	if (direction->error)
		return strerror(direction->error);
	return direction->mode == HOOK_NONE ? "missing" : otherwise;
}

/* Says once how things stand, and again when they change. */
static void tell_interface(struct agent *agent, uint32_t index)
{
	const struct interface *interface = interfaces_get(canary_interfaces(agent->canary), index);
	bool egress = interface_egress_attached(interface);
	bool ingress = interface_ingress_attached(interface);

	if (interface->ifindex == 0 || !interface->answered) {
		agent->told[index].ifindex = interface->ifindex ? agent->told[index].ifindex : 0;
		return;
	}
	if (agent->told[index].ifindex == interface->ifindex &&
	    agent->told[index].egress == egress && agent->told[index].ingress == ingress)
		return;
	agent->told[index].ifindex = interface->ifindex;
	agent->told[index].egress = egress;
	agent->told[index].ingress = ingress;
	if (egress && ingress) {
		log_info(agent->stand_in ? "the sockets' stamps serve" : "attached",
			 LOG_TEXT("interface", interface->name),
			 LOG_TEXT("egress", hook_mode_name(interface->egress.mode)),
			 LOG_TEXT("ingress", hook_mode_name(interface->ingress.mode)));
		return;
	}
	log_warn(agent->stand_in ? "the device or the kernel stamps no packets of our sockets"
				 : "not attached as it must be",
		 LOG_TEXT("interface", interface->name),
		 LOG_TEXT("egress", describe(&interface->egress, egress, "probes stay unstamped")),
		 LOG_TEXT("ingress", describe(&interface->ingress, ingress,
					      "replies come that it does not see")));
}

/* A matter of that peer's path alone; its own count tells how long. */
static void tell_odd_peer(const struct agent *agent, uint32_t slot,
			  enum interface_evidence evidence)
{
	const struct peers *peers = canary_peers(agent->canary);
	char label[PEER_NAME_CAPACITY];
	char address[ADDRESS_TEXT_CAPACITY];

	peers_label(peers, slot, label);
	address_format(&peers_get(peers, slot)->address, address);
	log_warn(evidence == EVIDENCE_UNSTAMPED ? "probes of this peer, not of all, stay "
						  "unstamped: they leave by another way, "
						  "or one of several ways fails"
						: "replies of this peer, not of all, come where "
						  "our program does not see them: "
						  "by another way, or in fragments",
		 LOG_TEXT("peer", label), LOG_TEXT("address", address));
}

void agent_follow_interfaces(struct agent *agent, struct local_time now)
{
	struct interfaces *interfaces = canary_interfaces(agent->canary);
	enum interface_evidence evidence;
	struct word word;
	uint32_t slot;

	while (interfaces_next_word(interfaces, now, &word))
		if (agent->stand_in)
			agent_answer_word(agent, &word);
		else if (send(agent->loader_fd, &word, sizeof(word), MSG_DONTWAIT | MSG_NOSIGNAL) <
			 0)
			log_debug("a word to the loader was lost", LOG_ERRNO(errno));
	for (uint32_t i = 0; i < interfaces_top(interfaces); i++)
		tell_interface(agent, i);
	if (interfaces_next_odd_peer(interfaces, &slot, &evidence))
		tell_odd_peer(agent, slot, evidence);
}
