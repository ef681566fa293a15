/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serves page and API of an invented node to a browser on 127.0.0.1, so that what no mesh has can
 * be looked at: thousands of peers, hostile names. page_server FILE PEERS: the port stands in FILE
 * once it listens. Time passes by a second with each request for the peers.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api.h"
#include "page.h"
#include "unit/view_world.h"

#define BLOCK_BYTES 24576
#define SLOTS	    5120

static struct view_world world;

static bool send_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		length -= (size_t)sent;
	}
	return true;
}

static void send_text(int fd, const char *text)
{
	send_all(fd, text, strlen(text));
}

static void live_a_second(uint32_t peers)
{
	static uint32_t random = 7;

	for (uint32_t slot = 0; slot < peers; slot++)
		view_add_samples(&world, slot, 1,
				 slot % 50 == 3	   ? 50
				 : slot % 100 == 2 ? 1000
						   : 1,
				 &random);
	world.exposition.now.ns += NS_PER_SECOND;
}

static void serve(int fd, uint32_t peers)
{
	static char block[BLOCK_BYTES];
	struct page_cursor page = { 0 };
	struct api_cursor api = { 0 };
	char path[64] = "";
	char request[2048];
	ssize_t got = recv(fd, request, sizeof(request) - 1, 0);
	size_t length;

	if (got <= 0)
		return;
	request[got] = '\0';
	if (sscanf(request, "GET %63s", path) != 1)
		return;
	send_text(fd,
		  "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n");
	if (strcmp(path, "/") == 0) {
		send_text(fd,
			  "Content-Type: text/html; charset=utf-8\r\nContent-Security-Policy: ");
		send_text(fd, page_policy());
		send_text(fd, "\r\n\r\n");
		while ((length = page_write(&world.exposition, &page, block, BLOCK_BYTES)) > 0)
			send_all(fd, block, length);
	} else if (strcmp(path, "/api/v1/peers") == 0) {
		live_a_second(peers);
		send_text(fd, "Content-Type: application/json\r\n\r\n");
		while ((length = api_peers_write(&world.exposition, &api, block, BLOCK_BYTES)) > 0)
			send_all(fd, block, length);
	} else {
		send_text(fd, "Content-Type: application/json\r\n\r\n");
		length = api_status_write(&world.exposition, &api, block, BLOCK_BYTES);
		send_all(fd, block, length);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	uint32_t peers = argc == 3 ? (uint32_t)atoi(argv[2]) : 0;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	FILE *file;

	if (peers < 1 || peers > SLOTS) {
		fprintf(stderr, "usage: page_server FILE PEERS\n");
		return 2;
	}
	view_open(&world, SLOTS, RANKING_ALL);
	view_populate(&world, peers, 400);
	if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 16) ||
	    getsockname(listener, (struct sockaddr *)&address, &length)) {
		perror("page_server");
		return 1;
	}
	file = fopen(argv[1], "w");
	if (!file)
		return 1;
	fprintf(file, "%u\n", ntohs(address.sin_port));
	fclose(file);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		serve(fd, peers);
		shutdown(fd, SHUT_WR);
		while (recv(fd, (char[256]){ 0 }, 256, 0) > 0)
			;
		close(fd);
	}
}
