// A header of the outside project whose name the library uses as well; including it is the mistake that it shows.
#error "the project's own header stands where the library's should"
