// THREAD and UID THREAD (RFC 5256) by ORDEREDSUBJECT, REFERENCES and X-CPM: one thread a conversation (THREADID), in it
// replies below what they reply to and notifications below their message (docs/conversations.md). The answer is exactly
// one untagged THREAD, sent in pieces, also when nothing is found.
#include "imap/commands/search_options.h"
#include "imap/mime/casemap.h"
#include "imap/session/key_pages.h"
#include "imap/session/message_limit.h"
#include "imap/session/sort.h"
#include "imap/session/threads.h"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace cpm::imap::ext::thread {

namespace {

enum class Algorithm { ordered_subject, references, conversations };

struct ThreadCommand {
  bool uid = false;
  Algorithm algorithm = Algorithm::references;
  SearchCriteria criteria;
};

ThreadCommand parse_any(wire::Lexer& lexer, const ParseContext& context, bool uid) {
  ThreadCommand command;
  command.uid = uid;
  lexer.sp();
  const std::string algorithm = lexer.word();
  if (algorithm == "ORDEREDSUBJECT") {
    command.algorithm = Algorithm::ordered_subject;
  } else if (algorithm == "X-CPM") {
    command.algorithm = Algorithm::conversations;
  } else if (algorithm != "REFERENCES") {
    lexer.bad("Unknown threading algorithm " + algorithm);
  }
  lexer.sp();
  command.criteria = parse_criteria(lexer, context, Charset::comes_first);
  return command;
}

ThreadCommand parse_thread(wire::Lexer& lexer, const ParseContext& context) { return parse_any(lexer, context, false); }
ThreadCommand parse_uid_thread(wire::Lexer& lexer, const ParseContext& context) {
  return parse_any(lexer, context, true);
}

// The keys of one page: texts one after the other, so that they cross to the session as two blocks.
class Page {
 public:
  explicit Page(Collation collation) : collation_(collation) {}

  void add(const schema::SortRow& row, const mime::SortKeys& keys) {
    messages_.push_back({row.uid.value, row.sent, keys.reply_or_forward, lengths_.size()});
    const std::size_t begin = text_.size();
    mime::append_ordered(text_, keys.subject, collation_);
    lengths_.push_back(text_.size() - begin);
    add_text(keys.message_id);
    for (const std::string& reference : keys.references) add_text(reference);
  }

  void move_to(ThreadKeys& keys, std::vector<std::uint32_t>& uids) const {
    std::string_view left = text_;
    const auto take = [&left](std::size_t length) {
      const std::string_view taken = left.substr(0, length);
      left.remove_prefix(length);
      return taken;
    };
    std::vector<std::string_view> references;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      const std::size_t begin = messages_[i].texts;
      const std::size_t end = i + 1 < messages_.size() ? messages_[i + 1].texts : lengths_.size();
      const std::string_view subject = take(lengths_[begin]);
      const std::string_view id = take(lengths_[begin + 1]);
      references.clear();
      for (std::size_t n = begin + 2; n < end; ++n) references.push_back(take(lengths_[n]));
      keys.add(messages_[i].sent, subject, messages_[i].reply, id, references);
      uids.push_back(messages_[i].uid);
    }
  }

 private:
  struct Message {
    std::uint32_t uid;
    std::int64_t sent;
    bool reply;
    std::size_t texts;  // first of its lengths: subject, Message-ID, references
  };
  void add_text(std::string_view text) {
    text_ += text;
    lengths_.push_back(text.size());
  }

  Collation collation_;
  std::vector<Message> messages_;
  std::vector<std::size_t> lengths_;
  std::string text_;
};

// Objects of conversations as messages with references: to their conversation, which is no message, and to what they
// reply to or report on. An object is called by its IMDN-Message-ID, else by its Contribution-ID.
class ObjectPage {
 public:
  void add(const schema::SortRow& row, const mime::SortKeys&) {
    Object one{row.uid.value, row.sent, {}, {}, {}, {}};
    if (row.thread) one.conversation = "t" + std::to_string(*row.thread);
    if (!row.contribution_id.empty()) one.contribution = "c" + std::string(row.contribution_id);
    one.name = row.imdn_id.empty() ? one.contribution : "i" + std::string(row.imdn_id);
    if (!row.reports_on.empty()) {
      one.about = "i" + std::string(row.reports_on);
    } else if (!row.in_reply_to.empty()) {
      one.about = "c" + std::string(row.in_reply_to);
    }
    objects_.push_back(std::move(one));
  }

  struct Object {
    std::uint32_t uid;
    std::int64_t sent;
    std::string conversation, contribution, name, about;
  };
  [[nodiscard]] const std::vector<Object>& objects() const { return objects_; }

 private:
  std::vector<Object> objects_;
};

class ObjectKeys {
 public:
  void take(const ObjectPage& page) {
    for (const ObjectPage::Object& one : page.objects()) {
      if (!one.contribution.empty()) first_.emplace(one.contribution, one.name);
      octets_ += sizeof one + one.conversation.size() + one.contribution.size() + one.name.size() + one.about.size();
      objects_.push_back(one);
    }
  }
  [[nodiscard]] std::size_t octets() const { return octets_; }
  // A contribution of several objects is what the first of them is called.
  void move_to(ThreadKeys& keys, std::vector<std::uint32_t>& uids) {
    std::vector<std::string_view> references;
    for (const ObjectPage::Object& one : objects_) {
      references.clear();
      if (!one.conversation.empty()) references.push_back(one.conversation);
      const auto named = first_.find(one.about);
      const std::string& about = named != first_.end() ? named->second : one.about;
      if (!about.empty() && about != one.name) references.push_back(about);
      keys.add(one.sent, {}, false, one.name, references);
      uids.push_back(one.uid);
    }
    objects_.clear();
    first_.clear();
  }

 private:
  std::vector<ObjectPage::Object> objects_;
  std::unordered_map<std::string, std::string> first_;
  std::size_t octets_ = 0;
};

struct Threads {
  ThreadForest forest;
  std::vector<std::uint32_t> uids;
};

boost::asio::awaitable<Result<Threads>> make_threads(Session& session, Algorithm algorithm, UidSet wanted) {
  constexpr std::size_t kFew = 5000;  // threaded within a few milliseconds, which is not worth another thread
  auto keys = std::make_shared<ThreadKeys>();
  std::vector<std::uint32_t> uids;
  const std::size_t most = session.limits().sort_octets;
  auto take = [keys, most, &uids](const Page& page) -> Result<void> {
    page.move_to(*keys, uids);
    if (keys->octets() > most) return fail(Failure::limit, "Too many messages to thread at once: narrow the search");
    return {};
  };
  const schema::MailboxRef mailbox = session.selected->view.snapshot().mailbox.ref();
  Result<void> read;
  if (algorithm == Algorithm::conversations) {
    ObjectKeys objects;
    auto take_objects = [&objects, most](const ObjectPage& page) -> Result<void> {
      objects.take(page);
      if (objects.octets() > most)
        return fail(Failure::limit, "Too many messages to thread at once: narrow the search");
      return {};
    };
    read = co_await read_key_pages(session, mailbox, wanted.numbers(), schema::SortColumns::threads, ObjectPage(),
                                   take_objects);
    objects.move_to(*keys, uids);
  } else {
    read = co_await read_key_pages(session, mailbox, wanted.numbers(), schema::SortColumns::keys,
                                   Page(session.collation), take);
  }
  if (!read) co_return read.error();
  auto work = [keys, algorithm](std::size_t) -> Result<ThreadForest> {
    return algorithm == Algorithm::ordered_subject ? thread_by_subject(*keys) : thread_by_references(*keys);
  };
  if (uids.size() <= kFew) {
    auto forest = work(0);
    co_return Threads{std::move(*forest), std::move(uids)};
  }
  auto forest = co_await session.services.cpu.run(std::move(work));
  if (!forest) co_return forest.error();
  co_return Threads{std::move(*forest), std::move(uids)};
}

boost::asio::awaitable<Result<void>> write(Session& session, const Threads& threads,
                                           const std::vector<std::uint32_t>& numbers) {
  wire::Encoder out = session.out.encoder();
  out.raw("* THREAD");
  if (!numbers.empty()) out.sp();
  ThreadWriter writer(threads.forest, numbers);
  while (writer.write(out.buffer(), session.limits().out_buffer_octets)) {
    auto sent = co_await session.out.relieve();
    if (!sent) co_return sent.error();
  }
  out.crlf();
  co_return Result<void>{};
}

boost::asio::awaitable<Done> execute(Session& session, ThreadCommand command) {
  auto refused = co_await make_ready(session, command.criteria);
  if (refused) co_return std::move(*refused);
  auto outcome = co_await search(session, *command.criteria.program);
  if (!outcome) co_return failed(outcome.error());
  if (session.limited_at) {  // a part of the threads is of no use (RFC 9738 3.3)
    const std::string code = message_limit_code(message_limit(session), std::nullopt);
    session.limited_at.reset();
    co_return no("Too many messages to thread", code);
  }
  auto threads = co_await make_threads(session, command.algorithm, std::move(outcome->uids));
  if (!threads) co_return failed(threads.error());
  std::vector<std::uint32_t> numbers = threads->uids;
  if (!command.uid) {
    for (std::uint32_t& number : numbers) number = session.selected->view.msn_of(Uid{number}).value;
  }
  session.mid_response = true;
  auto written = co_await write(session, *threads, numbers);
  if (!written) co_return failed(written.error());
  session.mid_response = false;
  co_return ok("THREAD completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "thread";
  extension.rfcs = {"RFC 5256", "RFC 7162"};
  extension.requires_names = {"search"};
  extension.capabilities = {{"THREAD=ORDEREDSUBJECT"}, {"THREAD=REFERENCES"}, {"THREAD=X-CPM"}};
  extension.commands = {command("THREAD", kSelected, kUsesMsn, parse_thread, execute),
                        command("UID THREAD", kSelected, kNoFlags, parse_uid_thread, execute)};
  extension.response_codes = {"BADCHARSET"};
  return extension;
}

}  // namespace cpm::imap::ext::thread
