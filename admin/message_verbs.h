// What the files of `cpmctl message` share: reading a mailbox in pages, progress, and the list of what was left out.
// Runs on: the main thread.
#pragma once

#include "admin/context.h"
#include "admin/output.h"
#include "base/spool.h"
#include "schema/fetch.h"
#include "schema/messages.h"

#include <CLI/CLI.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::admin {

void add_message_export(CLI::App& noun, Context& context);
void add_message_import(CLI::App& noun, Context& context);

// A mailbox as it was at one moment.
struct MailboxContent {
  schema::Principal who;
  schema::MailboxRow mailbox;
  std::vector<schema::MessageFlags> messages;  // by uid
  schema::KeywordTable keywords;
};
// Failure::not_found with a sentence on what to do.
[[nodiscard]] Result<MailboxContent> read_mailbox(Context& context, const schema::Principal& who,
                                                  const std::string& path);

[[nodiscard]] schema::FlagSet flags_of(const MailboxContent& content, const schema::MessageFlags& message);
[[nodiscard]] std::vector<std::string> flag_list(const schema::FlagSet& flags);

[[nodiscard]] Result<std::vector<schema::MessageRow>> read_rows(Context& context, const MailboxContent& content,
                                                                const UidSet& uids, std::uint32_t columns,
                                                                std::uint64_t inline_limit);
// All octets; Failure::corrupt when there are fewer than the row says.
[[nodiscard]] Result<std::shared_ptr<Spool>> read_message(Context& context, const MailboxContent& content,
                                                          const schema::MessageRow& row);

// Octets of these messages are about to be read by an administrator: the record of the account says so, whatever its
// policy for reads is. `how`: "export".
[[nodiscard]] Result<void> record_download(Context& context, const MailboxContent& content,
                                           const std::vector<schema::MessageRow>& rows, std::string_view how);

// Clients that are connected hear of it; one that does not sees it at its next look. After the commit of the change;
// mailbox 0: names.
void tell_nodes(Context& context, AccountId account, MailboxId mailbox);

// Failures after which nothing else will work either.
[[nodiscard]] bool hopeless(Failure failure) noexcept;

// A line on standard error that is rewritten in place; silent when that is no terminal.
class Progress {
 public:
  Progress(Context& context, std::string verb) : context_(context), verb_(std::move(verb)) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(std::uint64_t messages, std::uint64_t done, std::uint64_t total);
  void clear();

 private:
  Context& context_;
  const std::string verb_;
  std::chrono::steady_clock::time_point next_{};
  bool visible_ = false;
};

// What was left out, and why.
struct Skipped {
  std::string where;
  std::string why;
};
[[nodiscard]] Json skipped_json(const std::vector<Skipped>& skipped);
// On standard error, so that it does not mix with an export to standard output.
void print_skipped(Context& context, const std::vector<Skipped>& skipped);

}  // namespace cpm::admin
