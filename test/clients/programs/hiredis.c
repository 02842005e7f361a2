/* hiredis, as its users use it: synchronous, appended commands, and replies by type. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef REDIS_REPLY_MAP /* before hiredis 1.0 */
#define REDIS_REPLY_MAP 9
#endif

static const char *host, *token;
static int port;
static char why[512];

static redisContext *dial(void) {
    struct timeval limit = {15, 0};
    redisContext *c = redisConnectWithTimeout(host, port, limit);
    if (c == NULL || c->err) exit(1);
    redisSetTimeout(c, limit);
    return c;
}

/* Whether a reply has this type and text (or number). */
static int is(redisReply *r, int type, const char *text) {
    char number[32] = "";
    const char *got = "no reply";
    if (r != NULL) {
        snprintf(number, sizeof number, "%lld", r->integer);
        got = r->type == REDIS_REPLY_INTEGER ? number : r->str ? r->str : "";
    }
    int same = r != NULL && r->type == type && (text == NULL || strncmp(got, text, strlen(text)) == 0);
    if (!same) snprintf(why, sizeof why, "type %d, %.300s", r ? r->type : -1, got);
    if (r) freeReplyObject(r);
    return same;
}

static int count(redisReply *r, size_t elements) {
    int same = r != NULL && (r->type == REDIS_REPLY_ARRAY || r->type == REDIS_REPLY_MAP) && r->elements == elements;
    if (!same) snprintf(why, sizeof why, "type %d with %zu elements, %.200s", r ? r->type : -1, r ? r->elements : 0, r && r->str ? r->str : "");
    if (r) freeReplyObject(r);
    return same;
}

static void feature(const char *name, int good) {
    if (good) printf("ok %s\n", name);
    else printf("fail %s %s\n", name, why);
    fflush(stdout);
    why[0] = 0;
}

#define CMD(...) redisCommand(c, __VA_ARGS__)

int main(void) {
    host = getenv("KV_HOST");
    port = atoi(getenv("KV_PORT"));
    token = getenv("KV_TOKEN");
    printf("version %d.%d.%d\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
    printf("none url hiredis takes no URL\n");
    redisContext *c = dial();
    feature("hostport", is(CMD("AUTH %s", token), REDIS_REPLY_STATUS, "OK") && is(CMD("PING"), REDIS_REPLY_STATUS, "PONG"));
    feature("strings", is(CMD("SET s v EX 100"), REDIS_REPLY_STATUS, "OK") && is(CMD("GET s"), REDIS_REPLY_STRING, "v") && is(CMD("GET none"), REDIS_REPLY_NIL, NULL) && is(CMD("INCR n"), REDIS_REPLY_INTEGER, "1"));
    feature("lists", is(CMD("RPUSH l a b c"), REDIS_REPLY_INTEGER, "3") && count(CMD("LRANGE l 0 -1"), 3));
    feature("hashes", is(CMD("HSET h a 1 b 2"), REDIS_REPLY_INTEGER, "2") && count(CMD("HGETALL h"), 4));
    feature("sets", is(CMD("SADD t a b"), REDIS_REPLY_INTEGER, "2") && count(CMD("SMEMBERS t"), 2));
    feature("zsets", is(CMD("ZADD z 1 a 2.5 b"), REDIS_REPLY_INTEGER, "2") && is(CMD("ZSCORE z b"), REDIS_REPLY_STRING, "2.5") && count(CMD("ZRANGE z 0 -1 WITHSCORES"), 4));
    feature("streams", is(CMD("XADD x 1-1 k v"), REDIS_REPLY_STRING, "1-1") && count(CMD("XREAD STREAMS x 0"), 1));

    int good = 1;
    redisReply *reply;
    for (int i = 0; i < 500; i++) redisAppendCommand(c, "INCR pipelined");
    for (int i = 1; i <= 500; i++) {
        char wanted[16];
        snprintf(wanted, sizeof wanted, "%d", i);
        good = redisGetReply(c, (void **)&reply) == REDIS_OK && is(reply, REDIS_REPLY_INTEGER, wanted) && good;
    }
    feature("pipeline", good);

    redisContext *other = dial();
    freeReplyObject(redisCommand(other, "AUTH %s", token));
    good = is(CMD("MULTI"), REDIS_REPLY_STATUS, "OK") && is(CMD("SET m 1"), REDIS_REPLY_STATUS, "QUEUED") && is(CMD("INCR m"), REDIS_REPLY_STATUS, "QUEUED") && count(CMD("EXEC"), 2);
    good = good && is(CMD("WATCH m"), REDIS_REPLY_STATUS, "OK") && is(redisCommand(other, "SET m 9"), REDIS_REPLY_STATUS, "OK") && is(CMD("MULTI"), REDIS_REPLY_STATUS, "OK") && is(CMD("INCR m"), REDIS_REPLY_STATUS, "QUEUED") && is(CMD("EXEC"), REDIS_REPLY_NIL, NULL);
    feature("transaction", good);

    good = count(redisCommand(other, "SUBSCRIBE news"), 3) && is(CMD("PUBLISH news hello"), REDIS_REPLY_INTEGER, "1");
    good = good && redisGetReply(other, (void **)&reply) == REDIS_OK && count(reply, 3) && count(redisCommand(other, "UNSUBSCRIBE news"), 3);
    feature("pubsub", good);

    redisAppendCommand(other, "BLPOP later 10");
    int written = 0;
    while (!written) redisBufferWrite(other, &written);
    good = is(CMD("RPUSH later job"), REDIS_REPLY_INTEGER, "1") && redisGetReply(other, (void **)&reply) == REDIS_OK && count(reply, 2);
    feature("blocking", good && is(redisCommand(other, "BLPOP never 0.05"), REDIS_REPLY_NIL, NULL));

    feature("script", count(CMD("EVAL %s 1 c x", "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}"), 3) && is(CMD("EVALSHA %s 0", "0000000000000000000000000000000000000000"), REDIS_REPLY_ERROR, "NOSCRIPT"));
    printf("none lock not part of the client\n");
    if (HIREDIS_MAJOR < 1) printf("none resp3 since hiredis 1.0\n");
    else feature("resp3", count(CMD("HELLO 3"), 14) && count(CMD("HGETALL h"), 4) && count(CMD("HELLO 2"), 14));

    for (int i = 0; i < 150; i++) freeReplyObject(CMD("SET scan:%d %d", i, i));
    char cursor[32] = "0";
    size_t seen = 0;
    do {
        reply = CMD("SCAN %s MATCH scan:* COUNT 10", cursor);
        snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        seen += reply->element[1]->elements;
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    snprintf(why, sizeof why, "%zu keys", seen);
    feature("scan", seen == 150);

    char blob[256];
    for (int i = 0; i < 256; i++) blob[i] = (char)i;
    good = is(CMD("SET %b %b", "bin\0\xff", (size_t)5, blob, sizeof blob), REDIS_REPLY_STATUS, "OK");
    reply = CMD("GET %b", "bin\0\xff", (size_t)5);
    feature("binary", good && reply->len == sizeof blob && memcmp(reply->str, blob, sizeof blob) == 0);
    freeReplyObject(reply);

    size_t size = 900 * 1024;
    char *big = malloc(size);
    for (size_t i = 0; i < size; i++) big[i] = (char)(i * 31 % 251);
    good = is(CMD("SET big %b", big, size), REDIS_REPLY_STATUS, "OK");
    reply = CMD("GET big");
    feature("big", good && reply->len == size && memcmp(reply->str, big, size) == 0);
    freeReplyObject(reply);

    redisContext *stranger = dial();
    good = is(redisCommand(stranger, "GET x"), REDIS_REPLY_ERROR, "NOAUTH") && is(redisCommand(stranger, "AUTH wrong"), REDIS_REPLY_ERROR, "WRONGPASS");
    feature("errors", good && is(CMD("LPUSH s x"), REDIS_REPLY_ERROR, "WRONGTYPE") && is(CMD("CONFIG SET maxmemory 1"), REDIS_REPLY_ERROR, "NOPERM"));

    char line[32];
    freeReplyObject(CMD("SET before 1"));
    printf("restart\n");
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL) return 1;
    feature("reconnect with redisReconnect and AUTH in the program", CMD("PING") == NULL && redisReconnect(c) == REDIS_OK && is(CMD("AUTH %s", token), REDIS_REPLY_STATUS, "OK") && is(CMD("GET before"), REDIS_REPLY_STRING, "1"));
    return 0;
}
