// Conversions: what CONVERT (RFC 5259) makes of parts of messages. It looks into the store's cache first, lets one of
// several askers do the work and the others wait for it, reads the part, and gives it to a worker process
// (adapt/adapter.h), which alone looks at its octets. No database thread is held meanwhile, and deposits and FETCH
// never wait for it. Results and refusals that will not change are kept of each account by itself
// (docs/decisions/0051-conversions.md).
// Runs on: any strand; one object a node, which outlives all sessions.
#pragma once

#include "adapt/adapter.h"
#include "base/limits.h"
#include "base/result.h"
#include "imap/grammar/convert_request.h"
#include "imap/mime/decode.h"
#include "imap/mime/part_map.h"
#include "imap/session/worker_deaths.h"
#include "schema/conversions.h"
#include "schema/database.h"

#include <boost/asio/awaitable.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cpm::schema {
struct StagedMessage;
}

namespace cpm::imap {

class Preparation;

// A part of a stored message.
struct ConvertSource {
  schema::PartName name;
  mime::OctetRange header;  // of the part; empty when it has none
  mime::OctetRange body;
  mime::Encoding encoding = mime::Encoding::identity;
  std::string type;  // as declared, in lower case
};

struct ConvertRequest {
  // In lower case; empty: what is usual for what the part turns out to be; adapt::kWhatItIs: only that, as
  // Converted::source.
  std::string target;
  grammar::ConvertParameters parameters;
};

struct Converted {
  std::string source;  // what the part really is
  std::string type;
  grammar::ConvertParameters parameters;  // of the media type: charset
  std::shared_ptr<const std::string> octets;
  std::uint64_t lines = 0;
};

struct ConvertRefusal {
  enum class Kind { temporary, bad_parameters, missing_parameters };
  Kind kind = Kind::temporary;
  std::string text;                       // for people, a phrase of the catalogues
  std::string source, target;             // empty source: there is no such part
  grammar::ConvertParameters parameters;  // at fault; of bad_parameters none: the conversion is not possible
  std::uint32_t minutes = 1;              // of temporary: before it is worth another try; above 1 it is kept so long
};

using ConvertOutcome = std::variant<Converted, ConvertRefusal>;

// For metrics.
struct ConversionEvent {
  std::string source, target;  // media types of the table of conversions, or "other"
  std::string result;          // "converted", "kept", "shared" (another asker's), or why not: "temporary", …
  std::chrono::nanoseconds time{};
  std::uint64_t octets = 0;
};

class Conversions {
 public:
  Conversions(adapt::Adapter& adapter, schema::Database& db, const Limits& limits,
              std::function<void(const ConversionEvent&)> observe);
  ~Conversions();
  void stop();  // after the last session: nothing is prepared any more

  // What is possible of a type, in any of its spellings (adapt/conversions.h).
  [[nodiscard]] static std::vector<std::string> targets_of(std::string_view source);

  // Within `patience` and limits.convert_deadline. An Error is one of the store.
  boost::asio::awaitable<Result<ConvertOutcome>> convert(
      ConvertSource source, ConvertRequest request,
      std::chrono::milliseconds patience = std::chrono::milliseconds::max());

  // What was just stored: something may be made of it before anybody asks (preparation.h).
  void deposited(AccountId account, const std::vector<schema::StagedMessage>& messages);

  struct Counts {
    std::uint64_t hits = 0, misses = 0, shared = 0, evicted = 0;
    std::uint64_t kept = 0;     // octets of results of all accounts, as upkeep last counted them
    std::uint64_t memory = 0;   // octets held now
    std::uint64_t running = 0;  // conversions asked for and not answered
  };
  [[nodiscard]] Counts counts() const;
  // From upkeep.
  void note_cache(std::uint64_t octets, std::uint64_t removed) {
    kept_ = octets;
    evicted_ += removed;
  }
  [[nodiscard]] adapt::Adapter& adapter() const { return adapter_; }

 private:
  class Flight;
  class Held;
  struct Work;
  boost::asio::awaitable<Result<ConvertOutcome>> look_up(const ConvertSource& source, const std::string& key);
  boost::asio::awaitable<Result<void>> drop(AccountId account, std::string origin, std::string key);
  boost::asio::awaitable<Result<ConvertOutcome>> make(ConvertSource source, ConvertRequest request, std::string key,
                                                      std::chrono::milliseconds patience);
  boost::asio::awaitable<Result<ConvertOutcome>> wait_for(std::shared_ptr<Flight> flight, ConvertRequest request,
                                                          std::chrono::milliseconds patience);
  void observe(const ConvertOutcome& outcome, std::string result, std::chrono::steady_clock::time_point begin) const;
  boost::asio::awaitable<ConvertOutcome> ask_worker(const ConvertSource& source, const ConvertRequest& request,
                                                    Work work, std::string origin, std::chrono::milliseconds deadline);
  void land(const std::string& name, const std::shared_ptr<Flight>& flight, Result<ConvertOutcome> outcome);

  adapt::Adapter& adapter_;
  schema::Database& db_;
  const Limits& limits_;
  const std::function<void(const ConversionEvent&)> observe_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Flight>> flights_;  // protected by mutex_, as is:
  WorkerDeaths deaths_;                                     // by source_of()
  std::atomic<std::uint64_t> hits_{0}, misses_{0}, shared_{0}, evicted_{0}, kept_{0}, memory_{0}, running_{0};
  std::unique_ptr<Preparation> preparation_;  // the last: it uses the others
};

}  // namespace cpm::imap
