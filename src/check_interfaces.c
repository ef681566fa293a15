/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary check`: the peers file, read by a child process that gave up what the canary gives
 * up, and over which interfaces the peers are, or would be, routed. Must not know what stands on
 * them.
 */
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check_state.h"
#include "directory.h"
#include "discovery_file.h"
#include "peer_candidate.h"
#include "privileges.h"
#include "routes.h"

#define DEVICES_MAX   16 /* a node has one to four uplinks */
#define BAD_PEERS_MAX 8	 /* told of by name; a file may have thousands */

/* Nobody has these (RFC 5737, RFC 3849): the default route is what leads there. */
static const char *const anywhere[] = { "192.0.2.1", "2001:db8::1" };

struct survey {
	struct check *check;
	struct routes *routes;
	struct interface_name devices[DEVICES_MAX];
	uint32_t devices_count;
	uint32_t devices_left_out;
	uint32_t peers; /* routed over some interface */
	uint32_t own;	/* addresses of this node */
	uint32_t bad;	/* without a route */
};

static struct finding *add(struct survey *survey, enum finding_level level, const char *id,
			   const char *title)
{
	return findings_add(&survey->check->findings, level, CHECK_GROUP_PEERS, id, title);
}

static void survey_device(struct survey *survey, const struct interface_name *device)
{
	for (uint32_t i = 0; i < survey->devices_count; i++) {
		if (survey->devices[i].ifindex == device->ifindex)
			return;
	}
	if (survey->devices_count == DEVICES_MAX)
		survey->devices_left_out++;
	else
		survey->devices[survey->devices_count++] = *device;
}

static int survey_address(struct survey *survey, const struct address *address,
			  struct route *ret_route)
{
	int err = routes_get(survey->routes, address, ret_route);

	for (uint32_t i = 0; !err && i < ret_route->count; i++)
		survey_device(survey, &ret_route->interfaces[i]);
	return err;
}

static int survey_peer(void *ctx, const struct peer_candidate *peer)
{
	struct survey *survey = ctx;
	char text[ADDRESS_TEXT_CAPACITY];
	struct finding *finding;
	struct route route;
	int err = survey_address(survey, &peer->address, &route);

	if (!err) {
		survey->peers += !route.own;
		survey->own += route.own;
		return 0;
	}
	if (++survey->bad > BAD_PEERS_MAX)
		return 0;
	address_format(&peer->address, text);
	finding = add(survey, FINDING_FAIL, "peers.route", "route");
	finding_say(finding, "%s: %s", text,
		    err == -ENETUNREACH ? "no route leads there" : strerror(-err));
	finding_advise(finding, "its probes would be refused: see `ip route get %s`", text);
	return 0;
}

/* Lies in memory that the child shares. */
struct reading {
	int err;
	char error[DISCOVERY_ERROR_CAPACITY];
};

static int offer_peer(void *ctx, const struct peer_candidate *candidate)
{
	return directory_offer(ctx, candidate);
}

/* Into a directory, which refuses what stands there twice. */
static int read_file(const struct config *config, char error[static DISCOVERY_ERROR_CAPACITY])
{
	const struct directory_settings settings = { .capacity = config->peers_max };
	struct directory *directory = NULL;
	int err = directory_open(&settings, &directory);

	if (err)
		return 0;
	directory_begin(directory, PEER_SOURCE_FILE);
	err = discovery_file_read(config->peers_file, offer_peer, directory, error);
	directory_abort(directory);
	directory_close(directory);
	return err;
}

static void read_apart(const struct config *config, struct reading *reading)
{
	const char *uid_kept;

	/* A file system may keep it waiting. After the uid changed, which would undo it. */
	if (privileges_drop_all(&uid_kept) || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return;
	reading->err = read_file(config, reading->error);
}

/* Reads it as the canary will: by its user, and as one list. 0 or -errno with ret_error; 0 as well
 * where that user cannot be had. */
static int try_file(const struct config *config, char ret_error[static DISCOVERY_ERROR_CAPACITY])
{
	struct reading *reading = mmap(NULL, sizeof(*reading), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int err;

	if (reading == MAP_FAILED)
		return 0;
	child = fork();
	if (child == 0) {
		read_apart(config, reading);
		_exit(EXIT_SUCCESS);
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	err = reading->err;
	if (err)
		memcpy(ret_error, reading->error, sizeof(reading->error));
	munmap(reading, sizeof(*reading));
	return err;
}

static void survey_file(struct survey *survey)
{
	const struct config *config = &survey->check->config;
	char error[DISCOVERY_ERROR_CAPACITY];
	struct finding *finding;
	int err;

	if (config->peers_file[0] == '\0')
		return;
	err = try_file(config, error);
	if (!err)
		err = discovery_file_read(config->peers_file, survey_peer, survey, error);
	if (!err)
		return;
	finding = add(survey, FINDING_FAIL, "peers.file", "peers file");
	finding_say(finding, "%.300s", error);
	finding_advise(finding, err == -EACCES ? "it is read by the exporter, which is nobody "
						 "(65534) where it may change its user: let that "
						 "one read it, and enter its folders"
					       : "kube-canary would not start with it");
}

static void survey_static(struct survey *survey)
{
	const struct config *config = &survey->check->config;

	for (uint32_t i = 0; i < config->peers_static_count; i++) {
		struct peer_candidate peer;
		const char *expected;

		if (peer_parse_static(config->peers_static[i], &peer, &expected) > 0)
			survey_peer(survey, &peer);
	}
}

static void say_peers(struct survey *survey)
{
	struct finding *finding;

	if (survey->bad > BAD_PEERS_MAX) {
		finding = add(survey, FINDING_FAIL, "peers.route", "route");
		finding_say(finding, "no route leads to %u more", survey->bad - BAD_PEERS_MAX);
	}
	if (survey->peers == 0 && survey->own == 0)
		return;
	finding = add(survey, FINDING_OK, "peers.routes", "routes");
	finding_say(finding, "%u peer%s routed over %u interface%s", survey->peers,
		    survey->peers == 1 ? " is" : "s are", survey->devices_count,
		    survey->devices_count == 1 ? "" : "s");
	if (survey->own > 0) {
		finding = add(survey, FINDING_NOTE, "peers.own", "own addresses");
		finding_say(finding, "%u of the peers %s this node: passed over", survey->own,
			    survey->own == 1 ? "is" : "are");
	}
}

/* No peer is known: they are most likely where the default routes lead. */
static void survey_default(struct survey *survey)
{
	struct finding *finding;

	for (size_t i = 0; i < sizeof(anywhere) / sizeof(anywhere[0]); i++) {
		struct address address;
		struct route route;

		if (address_parse(anywhere[i], &address) == 0)
			(void)survey_address(survey, &address, &route);
	}
	if (survey->devices_count > 0) {
		finding = add(survey, FINDING_NOTE, "peers.routes", "routes");
		finding_say(finding,
			    "no peer is given: default routes are followed (kube-canary check "
			    "PEER... follows those of peers)");
		return;
	}
	finding = add(survey, FINDING_UNTRIED, "peers.routes", "routes");
	finding_say(finding, "not tried: no peer is given, and there is no default route");
	finding_advise(finding, "name some addresses: kube-canary check PEER...");
}

/* --bpf.interfaces: these, whatever the routes say. */
static void survey_configured(struct survey *survey)
{
	const struct config *config = &survey->check->config;

	survey->devices_count = 0;
	survey->devices_left_out = 0;
	for (uint32_t i = 0; i < config->bpf_interfaces_count; i++) {
		struct interface_name device = { .ifindex = if_nametoindex(
							 config->bpf_interfaces[i]) };
		struct finding *finding;

		snprintf(device.name, sizeof(device.name), "%s", config->bpf_interfaces[i]);
		if (device.ifindex > 0) {
			survey_device(survey, &device);
			continue;
		}
		finding = add(survey, FINDING_FAIL, "interface.missing", "interface");
		snprintf(finding->interface, sizeof(finding->interface), "%s", device.name);
		finding_say(finding, "%s: there is no such interface", device.name);
		finding_advise(finding,
			       "`ip -br link` lists them; --bpf.interfaces=auto takes those "
			       "that peers are routed over");
	}
}

static void look_at_devices(struct survey *survey)
{
	struct finding *finding;

	for (uint32_t i = 0; i < survey->devices_count; i++)
		check_device(survey->check, survey->devices[i].ifindex, survey->devices[i].name);
	if (survey->devices_left_out == 0)
		return;
	finding = add(survey, FINDING_UNTRIED, "interface.left_out", "interfaces");
	finding_say(finding, "not tried: %u routes over more than %d interfaces",
		    survey->devices_left_out, DEVICES_MAX);
	finding_advise(finding, "check some peers at a time");
}

void check_interfaces(struct check *check)
{
	struct survey survey = { .check = check };
	struct finding *finding;
	int err = routes_open(&survey.routes);

	if (err) {
		finding = add(&survey, FINDING_FAIL, "peers.routes", "routes");
		finding_say(finding, "rtnetlink cannot be asked: %s", strerror(-err));
		finding_advise(finding, "kube-canary needs it: a seccomp profile may refuse "
					"AF_NETLINK");
		return;
	}
	survey_static(&survey);
	survey_file(&survey);
	say_peers(&survey);
	if (check->config.bpf_interfaces_count > 0)
		survey_configured(&survey);
	else if (survey.peers == 0 && survey.own == 0 && survey.bad == 0)
		survey_default(&survey);
	look_at_devices(&survey);
	routes_close(survey.routes);
}
