// What the files of `cpmctl conversation` share: finding a conversation, and going through its messages in pages.
// Runs on: the main thread.
#pragma once

#include "admin/context.h"
#include "admin/output.h"
#include "base/spool.h"
#include "schema/conversations.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cpm::admin {

void add_conversation_show(CLI::App& noun, Context& context);
void add_conversation_export(CLI::App& noun, Context& context);
void add_conversation_reindex(CLI::App& noun, Context& context);
void add_conversation_event(CLI::App& noun, Context& context);

// The THREADID of a conversation, as IMAP clients see it.
[[nodiscard]] std::string thread_text(std::int64_t id);
[[nodiscard]] std::optional<std::int64_t> thread_from(std::string_view text);

struct OpenConversation {
  schema::Principal who;
  schema::Conversation row;
};
// `name`: its name (a Conversation-ID or the other party's address, in any form), or its THREADID. Failure::not_found
// with a sentence on what to do.
[[nodiscard]] Result<OpenConversation> open_conversation(Context& context, const std::string& address,
                                                         const std::string& name);

[[nodiscard]] std::string_view kind_name(schema::ObjectKind kind) noexcept;
[[nodiscard]] std::string_view disposition_name(schema::Disposition disposition) noexcept;
[[nodiscard]] Json to_json(const schema::Conversation& row);

// An object of a conversation with what notifications say of it.
struct TranscriptEntry {
  schema::ConversationMessage message;
  std::vector<schema::DispositionReport> reports;  // of a message that the owner sent, oldest first
  bool unread = false;
};

// All objects in the order of their times, some at once in memory.
class ConversationReader {
 public:
  ConversationReader(Context& context, const OpenConversation& conversation)
      : context_(context), conversation_(conversation) {}
  // Empty at the end.
  [[nodiscard]] Result<std::vector<TranscriptEntry>> next();

 private:
  Context& context_;
  const OpenConversation& conversation_;
  std::optional<schema::ConversationPlace> after_;
};

// The octets of an object. Failure::expunged when it is gone meanwhile.
[[nodiscard]] Result<Spool> read_object(Context& context, const schema::Principal& who,
                                        const schema::ConversationMessage& message, const Limits& limits);

}  // namespace cpm::admin
