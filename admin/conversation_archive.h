// A conversation on its way out: the objects one after the other into a sink, which writes text, JSON or HTML while it
// goes. Runs on: the main thread.
#pragma once

#include "admin/conversation_object.h"
#include "admin/conversation_verbs.h"

#include <chrono>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cpm::admin {

class ConversationSink {
 public:
  virtual ~ConversationSink() = default;
  virtual void begin(const schema::Conversation& row) = 0;
  // `object`: none when its octets could not be read, or are not worth it (notifications, and large files in a
  // transcript).
  virtual void object(const TranscriptEntry& entry, ConversationObject* object) = 0;
  virtual void end() = 0;
};

// All objects. `media`: with the octets of large files. What cannot be read is told in the error at the end.
[[nodiscard]] Result<void> pour(Context& context, const OpenConversation& conversation, ConversationSink& sink,
                                bool media);

// {"format": 1, "conversation": {…}, "messages": [{…}, …]}; with `media` the files in base64.
[[nodiscard]] std::unique_ptr<ConversationSink> json_archive(std::ostream& out, bool media);
// One page that needs nothing else, and in which nothing of the conversation can run.
[[nodiscard]] std::unique_ptr<ConversationSink> html_archive(std::ostream& out);

// What one recipient's notifications say, together.
struct ReportState {
  std::string by;  // empty: not told
  std::optional<std::chrono::sys_seconds> delivered, displayed, failed;
  bool was_delivered = false, was_displayed = false, has_failed = false;
};
[[nodiscard]] std::vector<ReportState> states_of(const std::vector<schema::DispositionReport>& reports);
// "delivered 10:05, read 10:07 by tel:+15550100", with the day too.
[[nodiscard]] std::string state_text(const ReportState& state);

}  // namespace cpm::admin
