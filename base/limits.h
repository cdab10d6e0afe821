// Every bound of the server, in one struct: unit, default, reason. base/config_table.cpp fills it from
// the `limits.*` keys; nothing else holds a magic number.
// Runs on: any thread (constant after start, except where a reload says so).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace cpm {

struct Limits {
  // -- one command on the wire
  std::size_t line_octets = 64 * 1024;           // command text without literals (RFC 7162 4 asks 8192)
  std::size_t command_literal_octets = 1 << 20;  // literals of one command, APPEND's messages excepted
  std::size_t nesting = 64;                      // parentheses in a command, and nested search keys
  std::size_t set_ranges = 16 * 1024;            // ranges in one sequence set
  std::size_t search_keys = 1024;                // keys in one SEARCH program
  std::size_t fetch_items = 256;                 // items in one FETCH
  std::size_t multiappend_messages = 1000;       // messages in one APPEND (RFC 3502)
  std::uint64_t messages_per_command = 0;        // MESSAGELIMIT (RFC 9738); 0: none, as older clients need it
  std::uint64_t messages_per_save = 0;           // SAVELIMIT: of COPY and APPEND alone; 0: none
  std::size_t pipelined_octets = 256 * 1024;     // read ahead of the command being executed
  std::size_t bad_commands = 50;                 // consecutive BAD answers before BYE
  std::size_t commands_before_login = 100;       // then BYE

  // -- stored objects
  std::uint64_t message_octets = 128ULL << 20;  // APPENDLIMIT (RFC 7889)
  std::size_t keyword_octets = 255;             // one keyword
  std::size_t keywords_per_mailbox = 1000;
  std::size_t mailboxes = 20000;                     // per account
  std::size_t mailbox_depth = 32;                    // levels of hierarchy
  std::size_t mailbox_name_octets = 1024;            // whole path, UTF-8
  std::size_t subscriptions = 20000;                 // per account
  std::size_t metadata_value_octets = 64 * 1024;     // one annotation (RFC 5464 4.1 asks 1024)
  std::size_t metadata_entry_octets = 1024;          // its name
  std::size_t metadata_entries = 1000;               // of one mailbox or the server, per user or shared (RFC 5464: 10)
  std::size_t metadata_account_entries = 20000;      // of one account
  std::uint64_t metadata_account_octets = 16 << 20;  // names and values of one account
  std::size_t push_subscriptions = 20;               // devices of one account that are told of events
  std::size_t quota_roots = 32;                      // of subtrees of one account (RFC 9208)
  std::size_t acl_entries = 500;                     // access control entries of one mailbox (RFC 4314)
  std::size_t acl_new_per_hour = 200;                // that one account makes: sharing cannot be used to spam
  std::size_t filter_depth = 10;                     // filters that use filters (RFC 5466 3.1 asks 3)
  std::size_t mime_parts = 10000;                    // parts of one message; further ones are text of their parent
  std::size_t mime_nesting = 100;                    // multipart and message/rfc822 levels
  std::size_t header_octets = 1 << 20;               // of one header block that is interpreted; all octets are kept
  std::size_t search_text_octets = 64 * 1024;        // normalised text stored for SEARCH; beyond it the octets are read
  std::size_t chunk_octets = 256 * 1024;             // one row of content_chunk

  // -- one session
  std::size_t out_buffer_octets = 64 * 1024;     // responses gathered before a send
  std::size_t spool_memory_octets = 256 * 1024;  // a literal above this goes to a file
  std::size_t session_octets = 64 << 20;         // memory one session may hold for a command
  std::size_t sort_octets = 256 << 20;           // keys of one SORT or THREAD: some million messages
  std::size_t search_contexts = 16;              // searches of one session that are kept up to date (RFC 5267)
  std::size_t notify_mailboxes = 5000;           // watched by one NOTIFY (RFC 5465); 28 octets each, names shared
  std::chrono::seconds login_timeout{60};        // not authenticated
  std::chrono::seconds idle_timeout{31 * 60};    // authenticated; RFC 9051 5.4 asks at least 30 minutes
  std::chrono::seconds idle_poll{60};            // a look at the store during IDLE, should a wake-up be lost
  std::chrono::seconds view_rest{300};           // silence until a session lets its picture of the mailbox go
  std::chrono::seconds write_timeout{120};       // client does not read
  std::chrono::seconds command_deadline{120};    // one database step
  std::chrono::seconds progress_interval{10};    // silence of a running command before INPROGRESS (RFC 9585); 0: never

  // -- adaptation (RFC 5259, RFC 8970)
  std::size_t convert_messages = 100;                  // of one CONVERT (MAXCONVERTMESSAGES)
  std::size_t convert_parts = 8;                       // body parts of one CONVERT (MAXCONVERTPARTS)
  std::uint64_t convert_octets = 32ULL << 20;          // a part that is converted, without its transfer encoding
  std::chrono::seconds convert_deadline{20};           // waiting for one conversion, its turn included
  std::uint64_t convert_account_octets = 64ULL << 20;  // results of one account that are kept
  std::uint64_t convert_cache_octets = 2048ULL << 20;  // … of all accounts
  std::uint64_t convert_memory_octets = 128ULL << 20;  // parts and results that this node holds at a time
  std::size_t preview_lazy = 200;                      // milliseconds that one FETCH may spend on PREVIEW (LAZY)

  // -- the node
  std::size_t connections = 50000;
  std::size_t connections_per_address = 100;     // authenticated sessions of one account; 0 = no limit
  std::size_t connections_per_peer = 200;        // TCP connections of one peer address; 0 = no limit; loopback exempt
  std::uint64_t spool_disk_octets = 4ULL << 30;  // all spool files together
  std::chrono::seconds handshake_timeout{20};    // TLS handshake, from accept or STARTTLS to the end
  std::chrono::seconds drain_timeout{10};        // at shutdown: how long sessions may take to say BYE
  std::size_t snapshot_octets = 320 << 20;       // pictures of mailboxes that are kept although no session uses them
  std::size_t http_connections = 64;             // health and metrics
  std::size_t http_request_octets = 8 * 1024;    // header of one request; bodies are refused
  std::chrono::seconds http_timeout{10};         // one request, and an idle connection
};

}  // namespace cpm
